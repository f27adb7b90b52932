package main

import (
	"testing"
	"time"
)

func TestTokenNamesItsUserOnEveryReplica(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	token := tokens{[]byte("key")}.issue(42, now)

	user, known := tokens{[]byte("key")}.user("Bearer "+token, now.Add(tokenLifetime-time.Second))

	if user != 42 || !known {
		t.Fatalf("got user %d, %v", user, known)
	}
}

func TestTokenIsRefused(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	token := tokens{[]byte("key")}.issue(42, now)
	forged := []byte(token)
	forged[3] ^= 1 // another letter of the claim

	for name, header := range map[string]string{
		"missing":         "",
		"without scheme":  token,
		"forged":          "Bearer " + string(forged),
		"of another key":  "Bearer " + tokens{[]byte("other")}.issue(42, now),
		"not base64":      "Bearer !",
		"shortened":       "Bearer " + token[:20],
		"of another time": "Bearer " + tokens{[]byte("key")}.issue(42, now.Add(-tokenLifetime)),
	} {
		if user, known := (tokens{[]byte("key")}).user(header, now); known {
			t.Errorf("a token that is %s is accepted for user %d", name, user)
		}
	}
}
