package poller

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"text/tabwriter"
	"time"

	"headstart/daemon"
	"headstart/event"
)

// onceSnapshot is the output of --once.
type onceSnapshot struct {
	Host      string          `json:"host"`
	BootID    string          `json:"boot_id,omitempty"`
	TakenAt   time.Time       `json:"taken_at"`
	Addresses []event.Address `json:"addresses"`
	Roles     []string        `json:"roles"`
	Sockets   []onceSocket    `json:"sockets"`
	Rejected  []onceRejection `json:"rejected"`

	// RejectedTotal includes rejections that are not listed.
	RejectedTotal uint32 `json:"rejected_total"`
}

type onceSocket struct {
	Local       string      `json:"local"`
	Remote      string      `json:"remote"`
	State       event.State `json:"state"`
	UID         uint32      `json:"uid"`
	Inode       uint64      `json:"inode"`
	Timer       event.Timer `json:"timer"`
	Remaining   float64     `json:"timer_seconds"`
	Retransmits uint8       `json:"retransmits"`
}

type onceRejection struct {
	File  string `json:"file"`
	Line  int    `json:"line"`
	Error string `json:"error"`
}

// Once takes one snapshot and writes it as text or JSON.
func Once(o Options, output string, out io.Writer) error {
	if output != "text" && output != "json" {
		return daemon.Usage("--output %q: must be text or json", output)
	}
	// A directory with only the tables is enough: it may be a copy.
	reader, err := openReader(o)
	if err != nil {
		reader = &tableReader{proc: o.Proc}
	}
	s := event.Snapshot{Host: o.Host, BootID: reader.bootID, Roles: o.Roles}
	rejections, err := reader.Read(&s)
	if err != nil {
		return fmt.Errorf("%w: check --proc", err)
	}
	shown := onceSnapshot{
		Host: s.Host, BootID: s.BootID, TakenAt: s.TakenAt, Addresses: s.Addresses, Roles: s.Roles,
		Sockets: make([]onceSocket, len(s.Sockets)), Rejected: make([]onceRejection, len(rejections)), RejectedTotal: s.Rejected,
	}
	if shown.Roles == nil {
		shown.Roles = []string{}
	}
	if shown.Addresses == nil {
		shown.Addresses = []event.Address{}
	}
	for i, r := range s.Sockets {
		shown.Sockets[i] = onceSocket{
			endpoint(r.Local, r.LocalPort), endpoint(r.Remote, r.RemotePort), r.State,
			r.UID, r.Inode, r.Timer, float64(r.Remaining) / 100, r.Retransmits,
		}
	}
	for i, r := range rejections {
		shown.Rejected[i] = onceRejection{r.File, r.Line, r.Err.Error()}
	}
	if output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(shown)
	}
	return shown.write(out)
}

func (s *onceSnapshot) write(out io.Writer) error {
	fmt.Fprintf(out, "%s  %s  %d sockets, %d rows rejected\n", s.Host, s.TakenAt.Format(time.RFC3339), len(s.Sockets), s.RejectedTotal)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LOCAL\tREMOTE\tSTATE\tUID\tINODE\tTIMER")
	for _, r := range s.Sockets {
		timer := ""
		if r.Timer != event.TimerOff {
			timer = fmt.Sprintf("%s %.2fs", r.Timer, r.Remaining)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", r.Local, r.Remote, r.State, r.UID, r.Inode, timer)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range s.Rejected {
		fmt.Fprintf(out, "rejected: %s line %d: %s\n", r.File, r.Line, r.Error)
	}
	return nil
}

func endpoint(a event.Address, port uint16) string {
	return netip.AddrPortFrom(a.Netip(), port).String()
}
