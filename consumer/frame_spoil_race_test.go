//go:build race

package consumer_test

import (
	"bytes"
	"testing"

	"github.com/millrace/millrace/consumer"
)

func TestDataThatAreUsedTooLateAreSpoiled(t *testing.T) {
	var late, released []byte
	for f, err := range consumer.ReadFrom(bytes.NewReader(bulk(20, 1000)), consumer.ReadOptions{}).Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if late != nil && isOnly(late, byte(f.Index-1)) {
			t.Errorf("frame %d is still there", f.Index-1)
		}
		late = f.Data
		kept, release := f.Retain()
		release()
		if released = kept.Data; isOnly(released, byte(f.Index)) {
			t.Errorf("frame %d is still there when it was released", f.Index)
		}
	}
}
