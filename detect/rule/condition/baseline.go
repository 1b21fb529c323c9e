package condition

import "time"

// Baseline is what is normal for a connection's edge, its originator and its
// responder, as the conditions see it. The zero value knows nothing.
type Baseline struct {
	Known      bool         `expr:"known" doc:"the edge, from originator to responder on the service's port, was seen on enough distinct days before, or an analyst has approved it" example:"not baseline.known"`
	RoleKnown  bool         `expr:"role_known" doc:"hosts with the originator's role are known to reach hosts with the responder's role on this port: what a new host of that role is judged by" example:"not baseline.role_known"`
	Unusual    bool         `expr:"unusual" doc:"the edge is neither known nor known by role, the originator isn't known to reach many on this port, the responder isn't known to be reached by many, and neither is learning" example:"baseline.unusual and conn.port in ports.ssh"`
	Days       int          `expr:"days" doc:"on how many distinct days before this one the edge was seen" example:"baseline.days < 3"`
	PerDay     float64      `expr:"per_day" doc:"how many connections the edge has on a day on which it is seen; 0 when it never was" example:"baseline.known and baseline.per_day < 3"`
	HourUsual  bool         `expr:"hour_usual" doc:"the edge was seen at this hour of the day, or the ones beside it, on another day" example:"baseline.known and not baseline.hour_usual"`
	Prevalence float64      `expr:"prevalence" doc:"the part of all known hosts, from 0 to 1, that reach the responder on this port" example:"baseline.prevalence < 0.2"`
	Length     UsualLength  `expr:"length"`
	Fanout     UsualFanout  `expr:"fanout"`
	Originator UsualEnd     `expr:"originator"`
	Responder  UsualEnd     `expr:"responder"`
	Host       LearningHost `expr:"host"`
	Peer       LearningHost `expr:"peer"`
}

// UsualLength is the baseline of how long connections of an edge live.
type UsualLength struct {
	P50   time.Duration `expr:"p50" doc:"half of the edge's connections lived at most this long; 0 when none has ended yet" example:"conn.age.min > 10 * baseline.length.p50"`
	P99   time.Duration `expr:"p99" doc:"99 of 100 of the edge's connections lived at most this long; 0 when none has ended yet" example:"conn.age.min > 3 * baseline.length.p99"`
	Count int           `expr:"count" doc:"how many connections these are from" example:"baseline.length.count >= 20"`
}

// UsualFanout is the baseline of how many responders the originator reaches in an hour.
type UsualFanout struct {
	P99 float64 `expr:"p99" doc:"in 99 of 100 hours the originator reached at most this many responders on this port; 0 when it never did" example:"baseline.fanout.p99 < 3"`
	Now int     `expr:"now" doc:"how many it has reached or tried in this hour" example:"baseline.fanout.now > 10"`
}

// UsualEnd is what is known of one end of an edge.
type UsualEnd struct {
	Peers int `expr:"peers" doc:"how many others this end is known to have on this port, in this part (originator or responder)" example:"{}.peers == 0"`
}

// LearningHost says whether a host is known well enough.
type LearningHost struct {
	Learning bool `expr:"learning" doc:"it was first seen so lately that little can be said of what is normal for it" example:"not {}.learning"`
}
