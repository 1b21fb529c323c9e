// Package deliverytest holds what every receiver that speaks HTTP must do, as
// tests that each of them runs against real servers: the table of answers, the
// table of network errors, limits, and that no secret gets into a reason.
package deliverytest
