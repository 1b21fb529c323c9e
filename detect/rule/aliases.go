package rule

import "headstart/detect/rule/condition"

// What callers of an [Evaluator] hand over and get is defined with the
// conditions that see it.
type (
	Observation  = condition.Observation
	Host         = condition.Host
	End          = condition.End
	Baseline     = condition.Baseline
	UsualLength  = condition.UsualLength
	UsualFanout  = condition.UsualFanout
	UsualEnd     = condition.UsualEnd
	LearningHost = condition.LearningHost
	RoleList     = condition.RoleList
	Definition   = condition.Definition
)
