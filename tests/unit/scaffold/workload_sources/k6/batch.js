import http from 'k6/http';

const base = 'https://shop.example.com/api';

export default function () {
  http.batch([
    ['GET', `${base}/categories`, null, { tags: { area: 'menu' } }],
    { method: 'GET', url: `${base}/cart`, params: { headers: { Accept: 'application/json' } } },
    `${base}/recommendations`,
    ['GET', 'https://cdn.example.net/logo.png'],
  ]);
  const named = http.batch({ stock: { method: 'GET', url: base + '/stock/17' } });
  http.get(`${base}/stock/${named.stock.json().warehouse.id}`);
}
