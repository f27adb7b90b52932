import http from "k6/http";
import { sleep } from "k6";

export let options = {
  stages: [
    { duration: "30s", target: 20 },
    { duration: "1m", target: 20 },
    { duration: "10s", target: 0 },
  ],
  thresholds: { http_req_duration: ["p(95)<500", "avg<200"], checks: ["rate>0.95"] },
};

export default function () {
  http.get("http://shop.example.com/");
  sleep(Math.random() * 4);
}
