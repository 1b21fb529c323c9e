package cmdutil

import (
	"errors"
	"math"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/detect/incident"
)

// NotificationFlags defines the flags that decide which incidents are notified.
func NotificationFlags(c *cobra.Command, threshold, budget *float64) {
	f := c.Flags()
	f.Float64Var(threshold, "threshold", incident.DefaultThreshold, "risk `score` from which an incident is notified, above 0 to 1000")
	f.Float64Var(budget, "alert-budget", 0, "approximate `number` of notified incidents a day; 0 for no limit")
}

// CheckNotification returns a usage error that holds every mistake in them.
func CheckNotification(threshold, budget float64) error {
	var problems []error
	if !(threshold > 0 && threshold <= 1000) {
		problems = append(problems, daemon.Usage("--threshold %g: want more than 0, at most 1000", threshold))
	}
	if !(budget >= 0 && budget < math.Inf(1)) {
		problems = append(problems, daemon.Usage("--alert-budget %g: want 0 or more", budget))
	}
	return errors.Join(problems...)
}
