package main

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/producer"
)

// TestEveryPolicyThatCanBeNamedIsKnown: no word of the flags is taken for the
// default.
func TestEveryPolicyThatCanBeNamedIsKnown(t *testing.T) {
	flags := reflect.TypeFor[keeping]()
	for i := range flags.NumField() {
		words, ok := flags.Field(i).Tag.Lookup("enum")
		if !ok {
			continue
		}
		seen := map[string]string{}
		for word := range strings.SplitSeq(words, ",") {
			var k keeping
			reflect.ValueOf(&k).Elem().Field(i).SetString(word)
			var o producer.StreamConfig
			k.apply(&o)
			set := fmt.Sprint(o.Mode, o.Buffer)
			if other, twice := seen[set]; twice {
				t.Errorf("--%s %q is the same as %q", strings.ToLower(flags.Field(i).Name), word, other)
			}
			seen[set] = word
		}
	}
}

func TestFlagsOfAPushBecomeRules(t *testing.T) {
	k := keeping{
		Spool: "dir", SpoolBytes: 1 << 30, Mode: "delayed", Delay: 5 * time.Second, MaxAge: time.Hour,
		OnFull: "drop-newest", OnSlow: "jump", Order: "live", Wait: time.Second,
	}
	if err := k.check(); err != nil {
		t.Error(err)
	}
	var got producer.StreamConfig
	k.apply(&got)
	want := producer.StreamConfig{Mode: producer.Delayed, Delay: 5 * time.Second, Buffer: producer.BufferRules{
		MaxAge: time.Hour, OnFull: producer.FullDropNewest, OnSlow: producer.SlowJump, Order: producer.LiveFirst,
		Spool: true, SpoolBytes: 1 << 30,
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
