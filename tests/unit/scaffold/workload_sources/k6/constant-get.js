import http from 'k6/http';
import { check } from 'k6';

export default function () {
  const res = http.get('https://shop.example.com/products?sort=price&page=1');
  check(res, {
    'is 200': (r) => r.status === 200,
    'has products': (r) => r.body.includes('products'),
    'is fast': (r) => r.timings.duration < 200,
  });
}
