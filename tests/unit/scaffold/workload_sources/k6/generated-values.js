import http from 'k6/http';
import { randomIntBetween, randomItem, uuidv4 } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';

const colors = ['red', 'green', 'blue'];
const sizes = [36, 38, 40];

export default function () {
  http.get(`https://shop.example.com/products/${randomIntBetween(1, 500)}?color=${randomItem(colors)}`);
  const size = sizes[Math.floor(Math.random() * sizes.length)];
  http.get('https://shop.example.com/products?size=' + size + '&page=' + (Math.floor(Math.random() * 10) + 1));
  http.put(`https://shop.example.com/carts/${uuidv4()}`, JSON.stringify({ user: `user-${__VU}`, iteration: __ITER }));
}
