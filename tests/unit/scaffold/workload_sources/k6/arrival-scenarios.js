import http from 'k6/http';
import { sleep } from 'k6';

export const options = {
  scenarios: {
    browsing: { executor: 'constant-arrival-rate', rate: 90, timeUnit: '1s', duration: '1m', preAllocatedVUs: 50, exec: 'browse' },
    searching: {
      executor: 'ramping-arrival-rate',
      startRate: 60,
      timeUnit: '1m',
      preAllocatedVUs: 10,
      stages: [{ target: 600, duration: '30s' }, { target: 60, duration: '30s' }],
      exec: 'search',
    },
  },
  thresholds: {
    http_req_failed: ['rate<0.01'],
    'http_req_duration{name:search}': ['p(95)<300', { threshold: 'p(99)<800', abortOnFail: true }],
    my_counter: ['count>10'],
  },
};

export function browse() {
  http.get('https://shop.example.com/');
  sleep(1);
  http.get('https://shop.example.com/products/17');
}

export function search() {
  http.get('https://shop.example.com/search?q=shoe', { tags: { name: 'search' } });
}
