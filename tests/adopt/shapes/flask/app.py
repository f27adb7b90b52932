"""A typical service: it reads a key that is not committed, and returns JSON."""

import os

from flask import Flask, Response, jsonify

app = Flask(__name__)
KEY = os.environ["API_KEY"]


@app.get("/")
def greeting() -> Response:
    """The actual endpoint."""
    return jsonify(message="hello", configured=bool(KEY))


@app.get("/healthz")
def health() -> str:
    """The probe endpoint."""
    return "ok"
