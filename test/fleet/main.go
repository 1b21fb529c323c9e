// Command fleet drives the real tracker and correlator with the snapshots of
// many simulated hosts, over a real nats-server on files, each a process of
// its own, and prints what they sustain and what each costs.
//
//	go run ./test/fleet --hosts 5000 --snapshots 100000
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
	"time"

	"headstart/daemon"
)

type options struct {
	hosts, sockets, snapshots int
	churn                     float64
	window                    int
}

func main() {
	var o options
	flag.IntVar(&o.hosts, "hosts", 5000, "simulated hosts")
	flag.IntVar(&o.sockets, "sockets", 200, "sockets of each")
	flag.IntVar(&o.snapshots, "snapshots", 100_000, "snapshots to send in all, after one of each host to begin with")
	flag.Float64Var(&o.churn, "churn", 0.05, "part of a host's sockets that is another with each snapshot")
	flag.IntVar(&o.window, "window", 4096, "snapshots that may be ahead of the correlator")
	flag.Parse()
	os.Exit(daemon.Main(func(ctx context.Context) error { return measure(ctx, o) }))
}

// measure builds and starts the programs, sends one snapshot of each host so
// that every table exists, and then measures.
func measure(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "headstart-fleet-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fmt.Fprintln(os.Stderr, "building")
	s, err := startStages(ctx, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	f, err := newFleet(ctx, s.url, o)
	if err != nil {
		return err
	}
	defer f.close()
	fmt.Fprintf(os.Stderr, "first snapshots of %d hosts\n", o.hosts)
	if err := f.send(ctx, s, o.hosts); err != nil {
		return err
	}
	before, err := s.usage()
	if err != nil {
		return err
	}
	self := cpuOf(os.Getpid())
	began := time.Now()
	fmt.Fprintf(os.Stderr, "%d snapshots of %d sockets, %.0f %% churn\n", o.snapshots, o.sockets, 100*o.churn)
	if err := f.send(ctx, s, o.snapshots); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := s.usage()
	if err != nil {
		return err
	}
	report(o, took, before, after, cpuOf(os.Getpid())-self)
	return nil
}

func report(o options, took time.Duration, before, after []usage, self time.Duration) {
	n := float64(o.snapshots)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "stage\tCPU a snapshot\tresident")
	var total time.Duration
	for i, u := range after {
		cpu := u.cpu - before[i].cpu
		total += cpu
		fmt.Fprintf(w, "%s\t%.1f µs\t%d MiB\n", u.name, float64(cpu.Microseconds())/n, u.resident>>20)
	}
	fmt.Fprintf(w, "all stages\t%.1f µs\t\n", float64(total.Microseconds())/n)
	fmt.Fprintf(w, "generator (apart)\t%.1f µs\t\n", float64(self.Microseconds())/n)
	w.Flush()
	fmt.Printf("\n%.0f snapshots a second sustained, with the generator on the same cores\n", n/took.Seconds())
	fmt.Printf("%.0f snapshots a second is what the stages' CPU comes to on 2 cores without it\n", 2*n/total.Seconds())
	fmt.Printf("%.0f hosts at 30 s\n", n/took.Seconds()*30)
}

// build builds the programs into a directory.
func build(ctx context.Context, dir string, packages ...string) error {
	args := append([]string{"build", "-o", dir + string(filepath.Separator)}, packages...)
	c := exec.CommandContext(ctx, "go", args...)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	return nil
}
