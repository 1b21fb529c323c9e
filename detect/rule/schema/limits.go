package schema

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// The files that rules share, and what is in them.
const (
	ListsFile  = "lists.yaml"
	MacrosFile = "macros.yaml"

	AddKey         = "add" // of lists.yaml: entries for lists of an earlier directory
	MacroGroup     = "macros"
	ThresholdGroup = "thresholds"
)

// The kinds of lists.
const (
	PortLists    = "ports"
	NetworkLists = "networks"
	RoleLists    = "roles"
	HostLists    = "hosts"
)

// ListKinds returns the kinds of lists, in the order in which they are shown.
func ListKinds() []string { return []string{PortLists, NetworkLists, RoleLists, HostLists} }

// RuleTestedBy returns the id of the rule that a file tests, by the file's name;
// false when it is no file of tests.
func RuleTestedBy(name string) (id string, ok bool) {
	if id, ok = strings.CutSuffix(name, ".test.yaml"); ok {
		return id, true
	}
	return strings.CutSuffix(name, ".test.yml")
}

// The limits of what authors write.
const (
	MaxID         = 64  // bytes of a rule's id
	MaxLine       = 200 // bytes of a title or an owner
	MaxScore      = 100
	MaxExpression = 8 << 10 // bytes
	MaxThresholds = 50      // of a rule
	MaxBy         = 4       // expressions of a key
	MinSteps      = 2       // of a sequence
	MaxSteps      = 8
	maxListName   = 64 // bytes of the name of a list, a macro or a threshold
	MaxPort       = 1<<16 - 1
	MinWindow     = time.Second // of what is remembered
	MaxWindow     = 30 * 24 * time.Hour
)

var (
	idPattern       = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	attackPattern   = regexp.MustCompile(`^T[0-9]{4}(\.[0-9]{3})?$`)
	listNamePattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// IsID reports whether a rule can have an id.
func IsID(id string) bool { return len(id) <= MaxID && idPattern.MatchString(id) }

// IsTechnique reports whether an id is one of an ATT&CK technique.
func IsTechnique(id string) bool { return attackPattern.MatchString(id) }

// IsListName reports whether a list, a macro or a threshold can have a name.
func IsListName(name string) bool {
	const wordsOfExpressions = "and or not in matches contains startsWith endsWith let if else true false nil"
	return listNamePattern.MatchString(name) && len(name) <= maxListName && !slices.Contains(strings.Fields(wordsOfExpressions), name)
}

// ListNameRules says what [IsListName] accepts.
const ListNameRules = "lower-case letters, digits and _, a letter first, at most 64 characters, no word of the language"
