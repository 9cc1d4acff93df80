package mem_test

import (
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

func TestControl(t *testing.T) {
	storetest.TestControl(t, storetest.ControlOptions{
		Open: func(*testing.T) store.Control { return mem.NewControl() },
	})
}
