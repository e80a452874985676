// Loads River as rgrid_queue_drain loads RGrid's queue: the same variables, the same line of JSON.
//
//	river default|quick    as it is by default, or with the fetch intervals of River's own benchmark
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

const writtenAhead = "SELECT pg_current_wal_lsn() - '0/0'"

// Nothing is a job that does nothing. Asked is when it was submitted, in nanoseconds, if anybody wants to know.
type Nothing struct {
	Asked int64 `json:"asked"`
}

func (Nothing) Kind() string { return "nothing" }

type worker struct {
	river.WorkerDefaults[Nothing]
	first, started atomic.Int64
	mutex          sync.Mutex
	spans          []float64
}

func (w *worker) Work(_ context.Context, job *river.Job[Nothing]) error {
	now := time.Now().UnixNano()
	w.first.CompareAndSwap(0, now)
	if job.Args.Asked > 0 {
		w.mutex.Lock()
		w.spans = append(w.spans, float64(now-job.Args.Asked)/1e6)
		w.mutex.Unlock()
	}
	w.started.Add(1)
	return nil
}

func setting(name string, otherwise int) int {
	if value, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return value
	}
	return otherwise
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func askPsql(commands ...string) (answers []float64) {
	arguments := []string{"-qAtX"}
	for _, command := range commands {
		arguments = append(arguments, "-c", command)
	}
	for _, line := range strings.Fields(string(must(exec.Command("psql", arguments...).Output()))) {
		answers = append(answers, must(strconv.ParseFloat(line, 64)))
	}
	return answers
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/riverqueue/river" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "unknown"
}

type load struct {
	pool    *pgxpool.Pool
	client  *river.Client[pgx.Tx]
	worker  *worker
	jobs    int
	slots   int
	figures map[string]any
	written []float64
}

func (l *load) left() (jobs int) {
	row := l.pool.QueryRow(context.Background(), "SELECT count(*) FROM river_job WHERE state <> 'completed'")
	must(0, row.Scan(&jobs))
	return jobs
}

func (l *load) submitSingly(jobs int) int {
	var asked, submitted atomic.Int64
	var callers sync.WaitGroup
	until := time.Now().Add(4 * time.Second)
	for range l.slots {
		callers.Go(func() {
			for asked.Add(1) <= int64(jobs) && time.Now().Before(until) {
				must(l.client.Insert(context.Background(), Nothing{}, nil))
				submitted.Add(1)
			}
		})
	}
	callers.Wait()
	return int(submitted.Load())
}

func (l *load) fill() {
	begin, singly := time.Now(), 0
	if setting("QB_SINGLE", 1) != 0 {
		singly = l.submitSingly(min(l.jobs/4, 5000))
	}
	l.figures["enqueue_per_s"] = float64(singly) / time.Since(begin).Seconds()
	begin = time.Now()
	for rest := l.jobs - singly; rest > 0; rest -= 1000 {
		many := slices.Repeat([]river.InsertManyParams{{Args: Nothing{}}}, min(rest, 1000))
		must(l.client.InsertManyFast(context.Background(), many))
	}
	l.figures["enqueue_bulk_per_s"] = float64(l.jobs-singly) / time.Since(begin).Seconds()
	l.written = append(l.written, askPsql(writtenAhead, "VACUUM ANALYZE", "CHECKPOINT", writtenAhead)...)
}

func (l *load) drain(mostSeconds int) {
	must(0, l.client.Start(context.Background()))
	until := time.Now().Add(time.Duration(mostSeconds) * time.Second)
	left := l.jobs
	for left > 0 && time.Now().Before(until) {
		time.Sleep(2 * time.Millisecond)
		if l.worker.started.Load() >= int64(l.jobs) {
			left = l.left()
		}
	}
	end := time.Now().UnixNano()
	left = l.left()
	if first := l.worker.first.Load(); first != 0 {
		l.figures["drain_per_s"] = float64(l.jobs-left) / (float64(end-first) / 1e9)
	}
	l.figures["drained"] = left == 0
	l.figures["completed"] = l.jobs - left
	l.written = append(l.written, askPsql(writtenAhead)...)
	if left > 0 {
		must(l.pool.Exec(context.Background(), "DELETE FROM river_job WHERE state = 'available'"))
	}
}

func (l *load) trickle() {
	time.Sleep(2500 * time.Millisecond)
	begin := time.Now()
	for i := range 500 {
		time.Sleep(time.Until(begin.Add(time.Duration(20*i) * time.Millisecond)))
		must(l.client.Insert(context.Background(), Nothing{time.Now().UnixNano()}, nil))
	}
	time.Sleep(3 * time.Second)
	l.worker.mutex.Lock()
	defer l.worker.mutex.Unlock()
	spans := slices.Sorted(slices.Values(l.worker.spans))
	if len(spans) == 0 {
		return
	}
	at := func(part float64) float64 { return spans[int(part*float64(len(spans)-1))] }
	l.figures["p50_ms"], l.figures["p99_ms"] = at(.5), at(.99)
	l.figures["latency_ms"] = map[string]any{"n": len(spans), "min": at(0), "p50": at(.5), "p99": at(.99), "max": at(1)}
}

func main() {
	if len(os.Args) != 2 {
		must(0, errors.New("usage: river default|quick"))
	}
	ctx := context.Background()
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	slots := setting("QB_WORKERS", 8)
	address := must(pgxpool.ParseConfig(""))
	address.MaxConns = int32(slots + 8)
	pool := must(pgxpool.NewWithConfig(ctx, address))
	driver := riverpgxv5.New(pool)
	must(must(rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet})).Migrate(ctx, rivermigrate.DirectionUp, nil))
	works, workers := &worker{}, river.NewWorkers()
	river.AddWorker(workers, works)
	config := &river.Config{Logger: quiet, Workers: workers,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: slots}}}
	if os.Args[1] == "quick" {
		config.FetchCooldown, config.FetchPollInterval = 2*time.Millisecond, 20*time.Millisecond
	}
	l := &load{pool: pool, client: must(river.NewClient(driver, config)), worker: works, jobs: setting("QB_JOBS", 20000),
		slots: slots, figures: map[string]any{"name": "river", "version": version()}, written: askPsql(writtenAhead)}
	l.fill()
	if most := setting("QB_MAX_SECONDS", 5); most > 0 {
		l.drain(most)
		if setting("QB_TRICKLE", 0) == 1 {
			l.trickle()
		}
		must(0, l.client.StopAndCancel(ctx))
	}
	l.figures["wal"] = l.written
	must(0, json.NewEncoder(os.Stdout).Encode(l.figures))
}
