package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

const tokenLifetime = time.Hour

// tokens makes and checks the tokens that a login returns. They are signed, not stored: any replica accepts them.
type tokens struct {
	key []byte
}

// issue returns a token for a user.
func (t tokens) issue(user int, now time.Time) string {
	claim := binary.BigEndian.AppendUint64(nil, uint64(user))
	claim = binary.BigEndian.AppendUint64(claim, uint64(now.Add(tokenLifetime).Unix()))
	return base64.RawURLEncoding.EncodeToString(append(claim, t.signature(claim)...))
}

// user returns the user of an Authorization header's token; false if the token is missing, forged or expired.
func (t tokens) user(authorization string, now time.Time) (int, bool) {
	encoded, found := strings.CutPrefix(authorization, "Bearer ")
	content, err := base64.RawURLEncoding.DecodeString(encoded)
	if !found || err != nil || len(content) != 16+sha256.Size {
		return 0, false
	}
	claim, signature := content[:16], content[16:]
	if !hmac.Equal(signature, t.signature(claim)) || now.Unix() >= int64(binary.BigEndian.Uint64(claim[8:])) {
		return 0, false
	}
	return int(binary.BigEndian.Uint64(claim)), true
}

func (t tokens) signature(claim []byte) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write(claim)
	return mac.Sum(nil)
}
