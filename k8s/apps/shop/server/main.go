// Command shop is a stateless shop API on PostgreSQL, the second application that kindgate judges.
//
// It is small, but behaves as a service in production does: it takes time to start, checks tokens, writes orders in one
// transaction, and drains on SIGTERM. Its answers depend only on the request and the database, so two copies agree.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// Most of the time that the last requests may take once the server accepts no more.
const shutdownTimeout = 10 * time.Second

// config is what the environment decides; pgx reads the database's PG* variables itself.
type config struct {
	address     string        // SHOP_ADDRESS: where to listen
	tokenKey    string        // SHOP_TOKEN_KEY: signs tokens; the same for every replica
	startup     time.Duration // SHOP_STARTUP: shortest time from start to ready
	drain       time.Duration // SHOP_DRAIN: time to keep serving after SIGTERM
	connections int           // SHOP_CONNECTIONS: connections to the database
	differences differences
}

func main() {
	config, err := readConfig(os.Getenv)
	if err == nil {
		stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		err = serve(stopping, config)
	}
	if err != nil {
		slog.Error("the shop ends", "error", err)
		os.Exit(1)
	}
}

// readConfig reads the variables; an error names the variable and its value.
func readConfig(getenv func(string) string) (config, error) {
	value := func(name, otherwise string) string {
		if set := getenv(name); set != "" {
			return set
		}
		return otherwise
	}
	read := config{address: value("SHOP_ADDRESS", ":8080"), tokenKey: getenv("SHOP_TOKEN_KEY")}
	if len(read.tokenKey) < 16 {
		return read, errors.New("SHOP_TOKEN_KEY: set a key of at least 16 characters")
	}
	var err error
	for name, target := range map[string]*time.Duration{"SHOP_STARTUP": &read.startup, "SHOP_DRAIN": &read.drain} {
		if *target, err = time.ParseDuration(value(name, "3s")); err != nil || *target < 0 {
			return read, fmt.Errorf("%s: %q is not a duration such as 3s", name, getenv(name))
		}
	}
	if read.connections, err = strconv.Atoi(value("SHOP_CONNECTIONS", "8")); err != nil || read.connections < 1 {
		return read, fmt.Errorf("SHOP_CONNECTIONS: %q is not a positive number", getenv("SHOP_CONNECTIONS"))
	}
	read.differences, err = readDifferences(getenv)
	return read, err
}

// serve answers requests until `stopping` is done, and then drains: the ingress learns later than the pod that it
// terminates, so requests are accepted for a while before the last ones are awaited.
func serve(stopping context.Context, config config) error {
	store, err := openStore(context.Background(), config.connections)
	if err != nil {
		return err
	}
	defer store.close()
	shop := newShop(store, tokens{[]byte(config.tokenKey)}, config.differences)
	server := &http.Server{Addr: config.address, Handler: shop.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	go start(stopping, shop, store, config.startup)

	select {
	case err := <-failed:
		return err
	case <-stopping.Done():
		slog.Info("draining", "for", config.drain)
		shop.state.Store(draining)
		time.Sleep(config.drain)
		last, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		return server.Shutdown(last)
	}
}

// start makes the shop ready: it waits for the database, creates the tables, and takes at least `shortest`, as a service
// that fills its caches does.
func start(stopping context.Context, shop *shop, store *store, shortest time.Duration) {
	earliest := time.After(shortest)
	if store.prepare(stopping) != nil {
		return
	}
	select {
	case <-earliest:
		if shop.state.CompareAndSwap(starting, ready) {
			slog.Info("ready")
		}
	case <-stopping.Done():
	}
}
