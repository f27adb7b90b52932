import http from 'k6/http';

export const options = { vus: 10, duration: '30s' };

export function setup() {
  const res = http.post('https://shop.example.com/login', { user: 'demo', password: __ENV.SHOP_PASSWORD });
  return { token: res.json('token') };
}

export default function (data) {
  http.get('https://shop.example.com/me', { headers: { Authorization: `Bearer ${data.token}` } });
}

export function teardown(data) {
  http.del('https://shop.example.com/session', null, { headers: { Authorization: `Bearer ${data.token}` } });
}
