"""A service as many are: it reads a key that is not committed, and answers JSON."""

import os

from flask import Flask, Response, jsonify

app = Flask(__name__)
KEY = os.environ["API_KEY"]


@app.get("/")
def greeting() -> Response:
    """What it is for."""
    return jsonify(message="hello", configured=bool(KEY))


@app.get("/healthz")
def health() -> str:
    """For the probe."""
    return "ok"
