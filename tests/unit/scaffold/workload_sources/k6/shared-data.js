import http from 'k6/http';
import { SharedArray } from 'k6/data';
import ws from 'k6/ws';

const users = new SharedArray('users', () => JSON.parse(open('./users.json')));

export default function () {
  const user = users[__VU % users.length];
  const res = http.post('https://shop.example.com/login', JSON.stringify(user));
  ws.connect('wss://shop.example.com/events', {}, () => {});
  for (const link of res.json('links')) {
    http.get(link);
  }
}
