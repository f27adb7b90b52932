import http from 'k6/http';

const BASE_URL = __ENV.BASE_URL || 'https://shop.example.com';
const VERSION = __ENV['API_VERSION'] ?? 'v2';
const params = {
  headers: {
    'X-Api-Key': __ENV.API_KEY,
    'X-Region': __ENV.REGION,
    Cookie: 'session=4f3c2a1b9d8e7f60',
  },
};

export default function () {
  http.get(http.url`${BASE_URL}/${VERSION}/products`, params);
  http.get(`${__ENV.OTHER_BASE}/${VERSION}/stock?token=ghp_16C7e42F292c6912E7710c838347Ae178B4a`, params);
}
