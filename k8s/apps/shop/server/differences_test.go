package main

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestNothingIsPlantedByDefault(t *testing.T) {
	none, err := readDifferences(environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range routeNames() {
		if body := none.apply(route, []byte(`{"price_cents":1}`)); string(body) != `{"price_cents":1}` {
			t.Errorf("%s: got %s", route, body)
		}
	}
	if none.extra != nil || len(none.delays)+len(none.work) > 0 {
		t.Errorf("got %+v", none)
	}
}

func TestDifferenceThatCannotBeReadIsRefused(t *testing.T) {
	for _, bad := range []struct{ name, value string }{
		{"SHOP_DELAY", "serach:5ms"}, {"SHOP_DELAY", "search"}, {"SHOP_DELAY", "search:5"}, {"SHOP_DELAY", "search:-5ms"},
		{"SHOP_CPU", "search:fast"},
		{"SHOP_CHECKOUT_CPU", "10"}, {"SHOP_CHECKOUT_CPU", "-1%"}, {"SHOP_CHECKOUT_CPU", "NaN%"}, {"SHOP_CHECKOUT_CPU", "%"},
		{"SHOP_RENAME", "detail:price"}, {"SHOP_RENAME", "details:price_cents:price"}, {"SHOP_RENAME", "detail::price"},
	} {
		if _, err := readDifferences(environment(map[string]string{bad.name: bad.value})); err == nil {
			t.Errorf("%s=%s is accepted", bad.name, bad.value)
		}
	}
}

func TestDelayAndWorkConcernTheirRoutesOnly(t *testing.T) {
	planted, err := readDifferences(environment(map[string]string{"SHOP_DELAY": "search:30ms,list:1ms", "SHOP_CPU": "detail:30ms"}))
	if err != nil {
		t.Fatal(err)
	}

	for route, shortest := range map[string]time.Duration{"search": 30 * time.Millisecond, "detail": 30 * time.Millisecond, "list": time.Millisecond} {
		start := time.Now()
		planted.apply(route, nil)
		if took := time.Since(start); took < shortest {
			t.Errorf("%s took %v", route, took)
		}
	}
	before := cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID)
	planted.apply("detail", nil)
	if used := cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID) - before; used < 30*time.Millisecond {
		t.Errorf("detail used %v of CPU time", used)
	}
}

func TestRenamedFieldIsTheOnlyChange(t *testing.T) {
	planted, err := readDifferences(environment(map[string]string{"SHOP_RENAME": "detail:price_cents:price"}))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"name":"price_cents","price_cents":5}`

	if got := string(planted.apply("detail", []byte(body))); got != `{"name":"price_cents","price":5}` {
		t.Errorf("got %s", got)
	}
	if got := string(planted.apply("list", []byte(body))); got != body {
		t.Errorf("list: got %s", got)
	}
}

func TestExtraWorkIsAShareOfAllOtherWork(t *testing.T) {
	extra := &extraWork{share: 0.1}
	used := time.Duration(0)
	for range 1000 {
		used += 10 * time.Millisecond
		due := extra.due(used)
		extra.spent += due
		used += due
	}
	if extra.spent != time.Second {
		t.Errorf("spent %v for 10 s of work", extra.spent)
	}
}

func TestExtraWorkIsSpreadAfterAPause(t *testing.T) {
	extra := &extraWork{share: 1}
	if due := extra.due(time.Hour); due != longestBurn {
		t.Errorf("one checkout takes %v", due)
	}
}
