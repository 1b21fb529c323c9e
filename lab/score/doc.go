// Package score compares what headstart replay found with what really happened.
//
// An incident found an intrusion when one of the connections that it names, in
// its alerts' evidence or in its path, is one of the intrusion's: the same
// source, destination and port, at a time from 60 s before the connection began
// to an interval and 120 s after it, or while it lived. An intrusion is detected
// when a notified incident found it.
//
// An incident is false when it was notified, after the learning time, and found
// no intrusion at all.
//
// The delay runs from the first lateral connection that a poll is certain to
// show, to when an incident that found the intrusion was both notified and
// named one of its connections. An incident that was notified before the
// intrusion began, and grew to name it, counts as having found it, and is
// counted separately as premature: it was false when people read it. A poll
// is certain to show a connection that lives for an interval on a monitored end,
// one that is closed in order by a monitored end (it stays in TIME_WAIT for
// 60 s), and an attempt without an answer that a monitored end makes for an
// interval. The delay is negative if something earlier gave the attacker away.
//
// Path recall is the share of an intrusion's edges (distinct source, destination
// and port of its successful lateral connections between two monitored hosts,
// scans apart) that the paths of the notified incidents that found it hold.
package score
