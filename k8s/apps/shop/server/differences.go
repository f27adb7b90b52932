package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Longest time in one request to catch up on extra work.
const longestBurn = 20 * time.Millisecond

// differences are planted in one of two versions, so that a benchmark knows what a comparison must find. All are off by
// default.
type differences struct {
	delays  map[string]time.Duration // SHOP_DELAY=search:5ms: time that a route's answer waits
	work    map[string]time.Duration // SHOP_CPU=search:2ms: CPU time that a route's request uses in addition
	renamed map[string]renamedField  // SHOP_RENAME=detail:price_cents:price: a field of a route's answer
	extra   *extraWork               // SHOP_CHECKOUT_CPU=10%: of the CPU time that the whole server uses, spent in checkouts
}

type renamedField struct {
	from, to string
}

// readDifferences reads the variables; an error names the variable and its value.
func readDifferences(getenv func(string) string) (differences, error) {
	var read differences
	var err error
	if read.delays, err = readDurations("SHOP_DELAY", getenv); err != nil {
		return read, err
	}
	if read.work, err = readDurations("SHOP_CPU", getenv); err != nil {
		return read, err
	}
	if text := getenv("SHOP_RENAME"); text != "" {
		parts := strings.Split(text, ":")
		if len(parts) != 3 || !isRoute(parts[0]) || parts[1] == "" || parts[2] == "" {
			return read, fmt.Errorf("SHOP_RENAME: %q is not of the form ROUTE:FIELD:NEW", text)
		}
		read.renamed = map[string]renamedField{parts[0]: {parts[1], parts[2]}}
	}
	if text := getenv("SHOP_CHECKOUT_CPU"); text != "" {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
		if err != nil || !strings.HasSuffix(text, "%") || !(percent >= 0 && percent <= 1000) {
			return read, fmt.Errorf("SHOP_CHECKOUT_CPU: %q is not a percentage such as 10%%", text)
		}
		read.extra = &extraWork{share: percent / 100}
	}
	return read, nil
}

func routeNames() []string {
	names := make([]string, len(routes))
	for index, route := range routes {
		names[index] = route.name
	}
	return names
}

func isRoute(name string) bool {
	return slices.Contains(routeNames(), name)
}

func readDurations(name string, getenv func(string) string) (map[string]time.Duration, error) {
	durations := map[string]time.Duration{}
	for item := range strings.SplitSeq(getenv(name), ",") {
		if item == "" {
			continue
		}
		route, text, _ := strings.Cut(item, ":")
		duration, err := time.ParseDuration(text)
		if err != nil || duration < 0 || !isRoute(route) {
			return nil, fmt.Errorf("%s: %q is not of the form ROUTE:5ms with one of the routes %s", name, item, strings.Join(routeNames(), ", "))
		}
		durations[route] = duration
	}
	return durations, nil
}

// apply delays a route's answer and uses CPU time, and returns the answer's body as it is to be sent.
func (d differences) apply(route string, body []byte) []byte {
	if work := d.work[route]; work > 0 {
		burn(work)
	}
	if d.extra != nil && route == "checkout" {
		d.extra.catchUp()
	}
	if delay := d.delays[route]; delay > 0 {
		time.Sleep(delay)
	}
	if field, found := d.renamed[route]; found {
		body = bytes.ReplaceAll(body, []byte(strconv.Quote(field.from)+":"), []byte(strconv.Quote(field.to)+":"))
	}
	return body
}

// extraWork uses a share of the CPU time that the server uses otherwise. It measures that time, so the share is the
// same on every machine and for every mix of requests.
type extraWork struct {
	share float64
	mutex sync.Mutex
	spent time.Duration
}

// catchUp uses the CPU time that is due since the last call.
func (e *extraWork) catchUp() {
	e.mutex.Lock()
	due := e.due(cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID))
	e.spent += due
	e.mutex.Unlock()
	burn(due)
}

// due returns the work that is missing after the process has used `used` in total, extra work included.
func (e *extraWork) due(used time.Duration) time.Duration {
	missing := time.Duration(e.share*float64(used-e.spent)) - e.spent
	return min(max(missing, 0), longestBurn)
}

// burn uses CPU time of one thread: time spent waiting for a CPU does not count.
func burn(work time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block [1024]byte
	for end := cpuTime(unix.CLOCK_THREAD_CPUTIME_ID) + work; cpuTime(unix.CLOCK_THREAD_CPUTIME_ID) < end; {
		sum := sha256.Sum256(block[:])
		copy(block[:], sum[:])
	}
}

func cpuTime(clock int32) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(clock, &now); err != nil {
		panic(err) // Linux always has both clocks
	}
	return time.Duration(now.Nano())
}
