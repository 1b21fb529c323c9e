package condition

import (
	"fmt"
	"strings"
	"time"

	"headstart/yamlsrc"
)

// ParseDuration accepts 30s, 5m, 1h30m.
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err == nil:
		return d, nil
	case strings.Trim(text, "0123456789") == "":
		return 0, fmt.Errorf("the duration %s has no unit; write %ss for seconds", yamlsrc.Short(text), yamlsrc.Short(text))
	default:
		return 0, fmt.Errorf("%q is not a duration such as 30s, 5m, 1h30m or 24h", yamlsrc.Short(text))
	}
}
