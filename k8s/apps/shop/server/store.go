package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	retryPause       = 250 * time.Millisecond
	connectTimeout   = 2 * time.Second
	poolCheckPeriod  = time.Second
	foreignKeyBroken = "23503" // PostgreSQL's error codes, appendix A of its manual
	checkBroken      = "23514"
	uniqueBroken     = "23505"
)

var (
	errNotFound     = errors.New("not found")
	errInvalidItems = errors.New("items must be different, existing products, each with a quantity from 1 to 100")
)

//go:embed schema.sql
var schema string

type product struct {
	ID          int    `json:"id"`
	Name        string `json:"name"`
	Category    string `json:"category"`
	PriceCents  int    `json:"price_cents"`
	Description string `json:"description,omitempty"` // only in the answer for one product
}

type item struct {
	ProductID int `json:"product_id"`
	Quantity  int `json:"quantity"`
}

type cart struct {
	ID         int64  `json:"id"`
	Items      []item `json:"items"`
	TotalCents int    `json:"total_cents"`
}

type order struct {
	ID         int64  `json:"id"`
	RequestID  string `json:"request_id"`
	TotalCents int    `json:"total_cents"`
}

type category struct {
	Category          string `json:"category"`
	Products          int    `json:"products"`
	AveragePriceCents int    `json:"average_price_cents"`
}

// store is the database. Its methods return errNotFound or errInvalidItems for a caller's mistake; any other error is
// the database's.
type store struct {
	pool *pgxpool.Pool
}

// openStore configures the pool; it connects when a connection is needed.
func openStore(ctx context.Context, connections int) (*store, error) {
	config, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(connections)
	config.MinConns = int32(connections) // the first requests of a burst do not wait for connections
	config.HealthCheckPeriod = poolCheckPeriod
	config.ConnConfig.ConnectTimeout = connectTimeout
	pool, err := pgxpool.NewWithConfig(ctx, config)
	return &store{pool}, err
}

func (s *store) close() {
	s.pool.Close()
}

// prepare creates and fills the tables, and waits for the database as long as it takes; the error is the context's.
func (s *store) prepare(ctx context.Context) error {
	reported := ""
	for {
		_, err := s.pool.Exec(ctx, schema, pgx.QueryExecModeSimpleProtocol)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if err.Error() != reported {
			reported = err.Error()
			slog.Warn("waiting for the database", "error", err)
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
		}
	}
}

// login returns the user's number.
func (s *store) login(ctx context.Context, email, password string) (int, error) {
	var id int
	var expected []byte
	err := s.pool.QueryRow(ctx, "select id, password_sha256 from users where email = $1", email).Scan(&id, &expected)
	if err != nil {
		return 0, known(err)
	}
	sum := sha256.Sum256([]byte(email + " " + password))
	if subtle.ConstantTimeCompare(sum[:], expected) == 0 {
		return 0, errNotFound
	}
	return id, nil
}

// products returns at most `limit` products after the one with number `after`, of all categories if none is given.
func (s *store) products(ctx context.Context, category string, after, limit int) ([]product, error) {
	return s.list(ctx, "select id, name, category, price_cents, '' from products where id > $1 and ($2 = '' or category = $2) order by id limit $3",
		after, category, limit)
}

// search returns at most `limit` products with all of these words.
func (s *store) search(ctx context.Context, words string, limit int) ([]product, error) {
	return s.list(ctx, "select id, name, category, price_cents, '' from products where words @@ plainto_tsquery('simple', $1) order by id limit $2",
		words, limit)
}

func (s *store) product(ctx context.Context, id int) (product, error) {
	found, err := s.list(ctx, "select id, name, category, price_cents, description from products where id = $1", id)
	if err == nil && len(found) == 0 {
		return product{}, errNotFound
	}
	if err != nil {
		return product{}, err
	}
	return found[0], nil
}

func (s *store) list(ctx context.Context, query string, arguments ...any) ([]product, error) {
	rows, err := s.pool.Query(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[product])
}

// makeCart stores a cart. One statement is one transaction and one round trip, here and in the checkouts.
func (s *store) makeCart(ctx context.Context, user int, items []item) (cart, error) {
	made := cart{Items: items}
	products, quantities := columns(items)
	err := s.pool.QueryRow(ctx, `
		with made as (insert into carts (user_id) values ($1) returning id),
		lines as (
			insert into cart_items (cart_id, product_id, quantity)
			select made.id, item.product_id, item.quantity from made, unnest($2::int[], $3::int[]) as item (product_id, quantity)
			returning product_id, quantity
		)
		select made.id, (select coalesce(sum(price_cents * quantity), 0) from lines join products on products.id = product_id) from made`,
		user, products, quantities).Scan(&made.ID, &made.TotalCents)
	return made, known(err)
}

func (s *store) cart(ctx context.Context, user int, id int64) (cart, error) {
	found := cart{ID: id, Items: []item{}}
	rows, err := s.pool.Query(ctx, `
		select product_id, quantity, price_cents from carts
		join cart_items on cart_id = carts.id join products on products.id = product_id
		where carts.id = $1 and user_id = $2 order by product_id`, id, user)
	if err != nil {
		return found, err
	}
	var line item
	var price int
	_, err = pgx.ForEachRow(rows, []any{&line.ProductID, &line.Quantity, &price}, func() error {
		found.Items = append(found.Items, line)
		found.TotalCents += price * line.Quantity
		return nil
	})
	if err == nil && len(found.Items) == 0 {
		err = errNotFound
	}
	return found, err
}

const ordering = `,
	ordered as (
		insert into orders (request_id, user_id, total_cents)
		select $1, $2, sum(price_cents * quantity) from lines join products on products.id = product_id having count(*) > 0
		returning id, total_cents
	),
	ordered_items as (
		insert into order_items (order_id, product_id, quantity)
		select ordered.id, product_id, quantity from ordered, lines
	)
	select id, total_cents from ordered`

// orderCart writes an order for a cart of the user. The cart stays: a second checkout is a second order.
func (s *store) orderCart(ctx context.Context, requestID string, user int, cart int64) (order, error) {
	return s.order(ctx, `
		with lines as (
			select product_id, quantity from carts join cart_items on cart_id = carts.id where carts.id = $3 and user_id = $2
		)`+ordering, requestID, user, cart)
}

// orderItems writes an order for these items.
func (s *store) orderItems(ctx context.Context, requestID string, user int, items []item) (order, error) {
	products, quantities := columns(items)
	written, err := s.order(ctx, `
		with lines as (select * from unnest($3::int[], $4::int[]) as item (product_id, quantity))`+ordering,
		requestID, user, products, quantities)
	if errors.Is(err, errNotFound) {
		err = errInvalidItems
	}
	return written, err
}

func (s *store) order(ctx context.Context, query, requestID string, arguments ...any) (order, error) {
	written := order{RequestID: requestID}
	err := s.pool.QueryRow(ctx, query, append([]any{requestID}, arguments...)...).Scan(&written.ID, &written.TotalCents)
	return written, known(err)
}

// orders returns at most `limit` orders after the one with number `after` whose request ids begin with `prefix`.
func (s *store) orders(ctx context.Context, prefix string, after int64, limit int) ([]order, error) {
	rows, err := s.pool.Query(ctx, "select id, request_id, total_cents from orders where id > $1 and request_id like $2 order by id limit $3",
		after, beginning(prefix), limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[order])
}

type orderCount struct {
	Orders     int      `json:"orders"`
	RequestIDs int      `json:"request_ids"`
	Repeated   []string `json:"repeated"` // at most 100 request ids with more than one order
}

// countOrders counts the orders whose request ids begin with `prefix`.
func (s *store) countOrders(ctx context.Context, prefix string) (orderCount, error) {
	var count orderCount
	err := s.pool.QueryRow(ctx, `
		with requests as (select request_id, count(*) as orders from orders where request_id like $1 group by request_id)
		select coalesce(sum(orders), 0)::int, count(*),
		       array(select request_id from requests where orders > 1 order by request_id limit 100) from requests`,
		beginning(prefix)).Scan(&count.Orders, &count.RequestIDs, &count.Repeated)
	return count, err
}

func (s *store) report(ctx context.Context) ([]category, error) {
	rows, err := s.pool.Query(ctx, "select category, count(*), avg(price_cents)::int from products group by category order by category")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[category])
}

// columns returns the items' product numbers and quantities.
func columns(items []item) (products, quantities []int) {
	for _, item := range items {
		products, quantities = append(products, item.ProductID), append(quantities, item.Quantity)
	}
	return products, quantities
}

// beginning is the LIKE pattern of texts that begin with `prefix`.
func beginning(prefix string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(prefix) + "%"
}

// known turns the database's answer to a caller's mistake into the store's own error.
func known(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return errNotFound
	}
	var rejected *pgconn.PgError
	if errors.As(err, &rejected) {
		switch rejected.Code {
		case foreignKeyBroken, checkBroken, uniqueBroken:
			return errInvalidItems
		}
	}
	return err
}
