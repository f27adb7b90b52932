package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	requestTimeout = 5 * time.Second
	largestBody    = 64 << 10
	mostItems      = 20
	mostProducts   = 1_000_000
	// The report is slow by design: tests need answers that are under way while something else happens.
	reportDuration = 300 * time.Millisecond
)

// The states of a shop, in order.
const (
	starting int32 = iota
	ready
	draining
)

//go:embed openapi.json
var openAPI []byte

// failure is an error that the caller is told.
type failure struct {
	status  int
	message string
}

func (f failure) Error() string {
	return f.message
}

// route is one operation of the API: its name here and in openapi.json, its pattern, the status of its answers, and the
// function that makes their body.
type route struct {
	name    string
	pattern string
	status  int
	answer  func(*shop, *http.Request) (any, error)
}

var routes = []route{
	{"login", "POST /login", http.StatusOK, (*shop).login},
	{"list", "GET /products", http.StatusOK, (*shop).list},
	{"search", "GET /search", http.StatusOK, (*shop).search},
	{"detail", "GET /products/{id}", http.StatusOK, (*shop).detail},
	{"cart", "POST /carts", http.StatusCreated, (*shop).makeCart},
	{"cart_contents", "GET /carts/{id}", http.StatusOK, (*shop).cartContents},
	{"checkout", "POST /checkout", http.StatusCreated, (*shop).checkout},
	{"orders", "GET /orders", http.StatusOK, (*shop).orders},
	{"order_count", "GET /orders/count", http.StatusOK, (*shop).orderCount},
	{"report", "GET /report", http.StatusOK, (*shop).report},
}

// shop answers requests; it keeps nothing between two of them but its state.
type shop struct {
	store       *store
	tokens      tokens
	differences differences
	state       atomic.Int32
	reported    atomic.Int64 // Unix second of the last error in the log
}

func newShop(store *store, tokens tokens, differences differences) *shop {
	return &shop{store: store, tokens: tokens, differences: differences}
}

// handler serves the API, its document, and the health endpoints: live says that the process works, ready that it takes
// requests. Neither depends on the database once the shop is ready: restarting or removing every replica would not
// bring a database back.
func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.Handle(route.pattern, s.serving(route))
	}
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		send(w, http.StatusOK, openAPI)
	})
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		send(w, http.StatusOK, []byte(`{"status":"live"}`))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		switch s.state.Load() {
		case ready:
			send(w, http.StatusOK, []byte(`{"status":"ready"}`))
		case draining:
			sendFailure(w, failure{http.StatusServiceUnavailable, "draining"})
		default:
			sendFailure(w, failure{http.StatusServiceUnavailable, "starting"})
		}
	})
	return mux
}

func (s *shop) serving(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		switch s.state.Load() {
		case starting:
			w.Header().Set("Retry-After", "1")
			sendFailure(w, failure{http.StatusServiceUnavailable, "the shop is starting"})
			return
		case draining:
			// the ingress opens its next connection to another replica
			w.Header().Set("Connection", "close")
		}
		ctx, cancel := context.WithTimeout(request.Context(), requestTimeout)
		defer cancel()
		request.Body = http.MaxBytesReader(w, request.Body, largestBody)
		answer, err := route.answer(s, request.WithContext(ctx))
		if err != nil {
			sendFailure(w, s.failureOf(route, err))
			return
		}
		body, err := json.Marshal(answer)
		if err != nil {
			sendFailure(w, s.failureOf(route, err))
			return
		}
		send(w, route.status, s.differences.apply(route.name, body))
	})
}

// failureOf is what the caller is told about an error; one that is not the caller's is logged, at most once per second.
func (s *shop) failureOf(route route, err error) failure {
	var known failure
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errNotFound):
		return failure{http.StatusNotFound, "not found"}
	case errors.Is(err, errInvalidItems):
		return failure{http.StatusUnprocessableEntity, err.Error()}
	}
	now := time.Now().Unix()
	if last := s.reported.Load(); last != now && s.reported.CompareAndSwap(last, now) {
		slog.Error("the database failed", "route", route.name, "error", err)
	}
	return failure{http.StatusServiceUnavailable, "the database is not available"}
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func sendFailure(w http.ResponseWriter, failure failure) {
	body, _ := json.Marshal(map[string]string{"error": failure.message})
	send(w, failure.status, body)
}

func (s *shop) login(request *http.Request) (any, error) {
	var credentials struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := read(request, &credentials); err != nil {
		return nil, err
	}
	user, err := s.store.login(request.Context(), credentials.Email, credentials.Password)
	if errors.Is(err, errNotFound) {
		return nil, failure{http.StatusUnauthorized, "unknown address or wrong password"}
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"token": s.tokens.issue(user, time.Now()), "expires_in": int(tokenLifetime.Seconds())}, nil
}

func (s *shop) list(request *http.Request) (any, error) {
	after, err := number(request, "after", 0, mostProducts, 0)
	if err != nil {
		return nil, err
	}
	limit, err := number(request, "limit", 1, 100, 20)
	if err != nil {
		return nil, err
	}
	products, err := s.store.products(request.Context(), request.URL.Query().Get("category"), after, limit)
	return map[string]any{"products": products}, err
}

func (s *shop) search(request *http.Request) (any, error) {
	words := request.URL.Query().Get("q")
	if words == "" {
		return nil, failure{http.StatusBadRequest, "q: give the words to search for"}
	}
	limit, err := number(request, "limit", 1, 100, 20)
	if err != nil {
		return nil, err
	}
	products, err := s.store.search(request.Context(), words, limit)
	return map[string]any{"products": products}, err
}

func (s *shop) detail(request *http.Request) (any, error) {
	id, err := strconv.Atoi(request.PathValue("id"))
	if err != nil || id < 1 || id > mostProducts {
		return nil, errNotFound
	}
	return s.store.product(request.Context(), id)
}

func (s *shop) makeCart(request *http.Request) (any, error) {
	user, err := s.user(request)
	if err != nil {
		return nil, err
	}
	var order struct {
		Items []item `json:"items"`
	}
	if err := read(request, &order); err != nil {
		return nil, err
	}
	if !valid(order.Items) {
		return nil, errInvalidItems
	}
	return s.store.makeCart(request.Context(), user, order.Items)
}

func (s *shop) cartContents(request *http.Request) (any, error) {
	user, err := s.user(request)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(request.PathValue("id"), 10, 64)
	if err != nil {
		return nil, errNotFound
	}
	return s.store.cart(request.Context(), user, id)
}

// checkout writes one order per request, also for a request id that has one already: that is how a test finds a request
// that was sent twice.
func (s *shop) checkout(request *http.Request) (any, error) {
	user, err := s.user(request)
	if err != nil {
		return nil, err
	}
	var wanted struct {
		RequestID string `json:"request_id"`
		CartID    int64  `json:"cart_id"`
		Items     []item `json:"items"`
	}
	if err := read(request, &wanted); err != nil {
		return nil, err
	}
	switch {
	case wanted.RequestID == "" || len(wanted.RequestID) > 200:
		return nil, failure{http.StatusUnprocessableEntity, "request_id: give a text of 1 to 200 bytes"}
	case (wanted.CartID == 0) == (wanted.Items == nil):
		return nil, failure{http.StatusUnprocessableEntity, "give either cart_id or items"}
	case wanted.CartID != 0:
		return s.store.orderCart(request.Context(), wanted.RequestID, user, wanted.CartID)
	case !valid(wanted.Items):
		return nil, errInvalidItems
	}
	return s.store.orderItems(request.Context(), wanted.RequestID, user, wanted.Items)
}

func (s *shop) orders(request *http.Request) (any, error) {
	if _, err := s.user(request); err != nil {
		return nil, err
	}
	after, err := number(request, "after", 0, 1<<53, 0)
	if err != nil {
		return nil, err
	}
	limit, err := number(request, "limit", 1, 1000, 1000)
	if err != nil {
		return nil, err
	}
	orders, err := s.store.orders(request.Context(), request.URL.Query().Get("prefix"), int64(after), limit)
	return map[string]any{"orders": orders}, err
}

func (s *shop) orderCount(request *http.Request) (any, error) {
	if _, err := s.user(request); err != nil {
		return nil, err
	}
	return s.store.countOrders(request.Context(), request.URL.Query().Get("prefix"))
}

func (s *shop) report(request *http.Request) (any, error) {
	end := time.After(reportDuration)
	categories, err := s.store.report(request.Context())
	<-end
	return map[string]any{"categories": categories}, err
}

// user returns the user of the request's token.
func (s *shop) user(request *http.Request) (int, error) {
	user, known := s.tokens.user(request.Header.Get("Authorization"), time.Now())
	if !known {
		return 0, failure{http.StatusUnauthorized, "log in and send the token: Authorization: Bearer TOKEN"}
	}
	return user, nil
}

func read(request *http.Request, into any) error {
	if err := json.NewDecoder(request.Body).Decode(into); err != nil {
		return failure{http.StatusBadRequest, "the body is not the expected JSON: " + err.Error()}
	}
	return nil
}

// number returns a query parameter, or `otherwise` if it is missing.
func number(request *http.Request, name string, least, most, otherwise int) (int, error) {
	text := request.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < least || value > most {
		return 0, failure{http.StatusBadRequest, fmt.Sprintf("%s: %q is not a number from %d to %d", name, text, least, most)}
	}
	return value, nil
}

func valid(items []item) bool {
	for _, item := range items {
		if item.ProductID < 1 || item.ProductID > mostProducts || item.Quantity < 1 || item.Quantity > 100 {
			return false
		}
	}
	return 0 < len(items) && len(items) <= mostItems
}
