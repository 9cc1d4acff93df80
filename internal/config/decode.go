package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/v2"
)

// decoding turns text and YAML values into the types of the fields.
func decoding(s *Server) koanf.UnmarshalConf {
	return koanf.UnmarshalConf{
		Tag: "name",
		DecoderConfig: &mapstructure.DecoderConfig{
			Result:           s,
			TagName:          "name",
			WeaklyTypedInput: true,
			ErrorUnused:      true,
			MatchName:        func(key, field string) bool { return key == field },
			DecodeHook: mapstructure.ComposeDecodeHookFunc(
				refuseBareNumbers,
				joinRules,
				joinWords,
				mapstructure.StringToTimeDurationHookFunc(),
				mapstructure.TextUnmarshallerHookFunc(),
			),
		},
	}
}

// refuseBareNumbers keeps "idle-timeout: 30" from meaning 30 nanoseconds, and
// lets 0 through, which needs no unit.
func refuseBareNumbers(from, to reflect.Type, value any) (any, error) {
	if to == reflect.TypeFor[time.Duration]() && from.Kind() != reflect.String && value != any(0) {
		return nil, fmt.Errorf("a duration needs a unit, as in %v%s", value, "s")
	}
	if to == reflect.TypeFor[Size]() && from.Kind() == reflect.Float64 {
		return nil, errors.New("a size is a whole number of bytes, or a number with a suffix such as 512M")
	}
	return value, nil
}

// joinRules lets a YAML file write rules one below the other.
func joinRules(_, to reflect.Type, value any) (any, error) {
	wrong := errNotARule
	if to == reflect.TypeFor[Rates]() {
		wrong = errNotARate
	}
	list, ok := value.([]any)
	if to != reflect.TypeFor[CapacityRules]() && to != reflect.TypeFor[Rates]() || !ok {
		return value, nil
	}
	rules := make([]string, len(list))
	for i, r := range list {
		if rules[i], ok = r.(string); !ok {
			return nil, wrong(r)
		}
	}
	return strings.Join(rules, ","), nil
}

// joinWords lets a YAML file write a list of words one below the other.
func joinWords(_, to reflect.Type, value any) (any, error) {
	list, ok := value.([]any)
	if to != reflect.TypeFor[List]() && to != reflect.TypeFor[RoleAliases]() || !ok {
		return value, nil
	}
	words := make([]string, len(list))
	for i, w := range list {
		if words[i], ok = w.(string); !ok {
			return nil, fmt.Errorf("%v is not a word", w)
		}
	}
	return strings.Join(words, ","), nil
}
