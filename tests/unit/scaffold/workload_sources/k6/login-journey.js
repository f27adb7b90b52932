import http from 'k6/http';
import { check, group, sleep } from 'k6';

const BASE = 'https://shop.example.com';
const JSON_HEADERS = { 'Content-Type': 'application/json' };

export default () => {
  let token;
  group('account', function () {
    const res = http.post(`${BASE}/login`, JSON.stringify({ email: 'demo@example.com', password: 'correct horse' }), {
      headers: JSON_HEADERS,
      tags: { name: 'login' },
    });
    check(res, { 'logged in': (r) => r.status >= 200 && r.status < 300 });
    token = res.json('session.token');
  });
  sleep(1.5);
  group('orders', () => {
    const params = { headers: { Authorization: `Bearer ${token}` }, timeout: '5s' };
    const created = http.post(BASE + '/orders', JSON.stringify({ product: 17, quantity: 2 }), params);
    const order = JSON.parse(created.body);
    sleep(0.5);
    http.get(`${BASE}/orders/${order.id}`, params);
  });
};
