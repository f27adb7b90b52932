package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Tests with a database are in tests/unit/apps, against the running program.

func request(handler http.Handler, method, path, body string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
	return recorder
}

func TestDocumentHasExactlyTheServedRoutes(t *testing.T) {
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string                     `json:"operationId"`
			Responses   map[string]json.RawMessage `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(openAPI, &document); err != nil {
		t.Fatal(err)
	}
	var documented, served []string
	for path, operations := range document.Paths {
		for method, operation := range operations {
			status := http.StatusOK
			if _, creates := operation.Responses["201"]; creates {
				status = http.StatusCreated
			}
			documented = append(documented, operation.OperationID+" "+strings.ToUpper(method)+" "+path+" "+http.StatusText(status))
		}
	}
	for _, route := range routes {
		served = append(served, route.name+" "+route.pattern+" "+http.StatusText(route.status))
	}
	slices.Sort(documented)
	slices.Sort(served)
	if !slices.Equal(documented, served) {
		t.Errorf("documented %q\nserved %q", documented, served)
	}
}

func TestReadinessFollowsTheState(t *testing.T) {
	shop := newShop(nil, tokens{}, differences{})
	for state, expected := range map[int32]int{starting: 503, ready: 200, draining: 503} {
		shop.state.Store(state)
		if got := request(shop.handler(), "GET", "/readyz", "").Code; got != expected {
			t.Errorf("state %d: got %d", state, got)
		}
		if got := request(shop.handler(), "GET", "/livez", "").Code; got != 200 {
			t.Errorf("state %d: not live: %d", state, got)
		}
	}
}

func TestRequestsAreRefusedUntilTheShopIsReady(t *testing.T) {
	shop := newShop(nil, tokens{}, differences{})

	answer := request(shop.handler(), "GET", "/products", "")

	if answer.Code != 503 || answer.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %v", answer.Code, answer.Header())
	}
}

func TestDrainingShopEndsItsConnections(t *testing.T) {
	shop := newShop(nil, tokens{}, differences{})
	shop.state.Store(draining)
	server := httptest.NewServer(shop.handler())
	defer server.Close()

	answer, err := server.Client().Get(server.URL + "/search")

	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 400 || !answer.Close {
		t.Errorf("got %d, close %v", answer.StatusCode, answer.Close)
	}
}

func TestMistakesAreToldBeforeTheDatabaseIsAsked(t *testing.T) {
	shop := newShop(nil, tokens{}, differences{})
	shop.state.Store(ready)
	for _, bad := range []struct {
		method, path, body string
		status             int
		word               string
	}{
		{"GET", "/products?limit=0", "", 400, "limit"},
		{"GET", "/products?after=x", "", 400, "after"},
		{"GET", "/search", "", 400, "q"},
		{"GET", "/products/seven", "", 404, "not found"},
		{"POST", "/login", "{", 400, "JSON"},
		{"POST", "/login", `{"email":"` + strings.Repeat("a", largestBody) + `"}`, 400, "too large"},
		{"POST", "/carts", "{}", 401, "token"},
		{"POST", "/checkout", "{}", 401, "token"},
		{"GET", "/carts/1", "", 401, "token"},
		{"GET", "/orders", "", 401, "token"},
		{"GET", "/orders/count", "", 401, "token"},
	} {
		answer := request(shop.handler(), bad.method, bad.path, bad.body)
		text, _ := io.ReadAll(answer.Body)
		if answer.Code != bad.status || !strings.Contains(string(text), bad.word) {
			t.Errorf("%s %s: got %d %s", bad.method, bad.path, answer.Code, text)
		}
	}
}

func TestConfigurationThatCannotBeReadIsRefused(t *testing.T) {
	good := map[string]string{"SHOP_TOKEN_KEY": "0123456789abcdef"}
	if _, err := readConfig(environment(good)); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"SHOP_TOKEN_KEY": "short", "SHOP_STARTUP": "3", "SHOP_DRAIN": "-1s", "SHOP_CONNECTIONS": "0", "SHOP_DELAY": "x",
	} {
		bad := map[string]string{"SHOP_TOKEN_KEY": good["SHOP_TOKEN_KEY"], name: value}
		if _, err := readConfig(environment(bad)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: got %v", name, value, err)
		}
	}
}
