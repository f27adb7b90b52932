import http from 'k6/http';
import { check, fail } from 'k6';

const BASE = 'https://shop.example.com';

function headers(kind = 'application/json') {
  return { headers: { Accept: kind } };
}

function visit(path) {
  const res = http.get(BASE + path, headers());
  if (res.status !== 200) {
    fail('not available');
  }
  return res;
}

export default function () {
  for (const path of ['/', '/products', '/about']) {
    visit(path);
  }
  for (let i = 0; i < 3; i++) {
    http.request('PATCH', `${BASE}/carts/1`, JSON.stringify({ quantity: 3 }), headers());
  }
  if (__ENV.FEEDBACK) {
    http.post(`${BASE}/feedback`, { stars: '5', comment: 'good' });
  } else {
    http.get(`${BASE}/no-feedback`);
  }
  const page = visit('/products?page=2');
  check(page, { 'second page': (r) => r.json('page') === 2, 'has items': (r) => r.json('items').length > 0 });
  const first = page.json('items.0.id');
  http.del(`${BASE}/favorites/${first}`);
}
