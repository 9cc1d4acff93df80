package store_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// TestModel runs random programs of everything that a store can be asked for,
// and compares all that it answers with a ledger after each step. The rule that
// decides what there is stands in ledger.there. MILLRACE_TORTURE multiplies the
// programs.
func TestModel(t *testing.T) {
	for range 1 + torture(t) {
		rapid.Check(t, func(t *rapid.T) {
			m := newModel(t)
			t.Repeat(map[string]func(*rapid.T){
				"":        m.step(m.world.check),
				"put":     m.put,
				"begin":   m.begin,
				"finish":  m.finish,
				"jump":    m.jump,
				"wait":    m.wait,
				"feed":    m.step(m.feed),
				"restart": m.restart,
				"crash":   m.crash,
				"retain":  m.retain,
				"erase":   m.erase,
				"delete":  m.delete,
				"create":  m.create,
				"give":    m.give,
			})
		})
	}
}

// A model is a world for which rapid decides what happens.
type model struct {
	*world
	begun []*millrace.Fragment // that have a number and were not submitted yet
}

func newModel(t *rapid.T) *model {
	w := newWorld(rapid.Uint64Range(0, 1000).Draw(t, "seed"), newMachine())
	w.config = func(c *store.Config) {
		c.PackSize = rapid.Int64Range(1, 60_000).Draw(t, "pack size")
		c.FeedRows = rapid.IntRange(1, 40).Draw(t, "feed rows")
		c.Lanes = rapid.IntRange(1, 3).Draw(t, "lanes")
	}
	m := &model{world: w}
	m.must(t, w.open)
	return m
}

// must takes steps, none of which may fail.
func (m *model) must(t *rapid.T, steps ...func() error) {
	if err := m.do(steps...); err != nil {
		t.Fatal(err)
	}
}

func (m *model) step(s func() error) func(*rapid.T) {
	return func(t *rapid.T) { m.must(t, s) }
}

func (m *model) batch(t *rapid.T) batch {
	return batch{
		n:       rapid.IntRange(1, 12).Draw(t, "fragments"),
		size:    rapid.SampledFrom([]int{0, 100, 2000, 9000}).Draw(t, "size"),
		streams: rapid.IntRange(1, 4).Draw(t, "streams"),
	}
}

func (m *model) put(t *rapid.T) {
	b := m.batch(t)
	m.must(t, func() error { return m.mustPut(b) })
}

// begin gives numbers to fragments that are submitted later, or never.
func (m *model) begin(t *rapid.T) { m.begun = append(m.begun, m.fresh(m.batch(t))...) }

// finish submits some of them.
func (m *model) finish(t *rapid.T) {
	n := rapid.IntRange(0, len(m.begun)).Draw(t, "fragments")
	for _, f := range m.begun[:n] {
		m.submit(f)
	}
	m.begun = m.begun[n:]
	m.settleAll()
}

// jump sets a producer's clock.
func (m *model) jump(t *rapid.T) {
	m.streams[m.id(t)].skew = time.Duration(rapid.IntRange(-100, 100).Draw(t, "minutes")) * time.Minute
}

func (m *model) wait(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 5 * time.Hour, 40 * 24 * time.Hour}).Draw(t, "time")
	m.must(t, func() error { return m.world.wait(d) })
}

func (m *model) id(t *rapid.T) uint64 { return rapid.Uint64Range(0, 3).Draw(t, "stream") }

// restart starts again: in order, after a kill, with the index or without.
func (m *model) restart(t *rapid.T) {
	m.begun = nil
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		m.must(t, m.world.restart)
		return
	case 1:
		m.must(t, m.close)
		m.move(m.machine.bare())
	case 2:
		m.move(m.machine.bare())
	case 3:
		m.move(m.machine.kill())
	}
	m.must(t, m.world.open, m.check, func() error { return m.learn(true) })
}

// crash cuts the power, perhaps in the middle of a batch.
func (m *model) crash(t *rapid.T) {
	m.begun = nil
	if k := rapid.IntRange(0, 4).Draw(t, "mutation"); k > 0 {
		m.machine.power.FailAt(k)
		b := m.batch(t)
		m.must(t, func() error { return m.world.put(b) }, m.maintain, m.feed)
	}
	m.move(m.machine.crash(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "left") }))
	m.must(t, m.world.open, m.check, func() error { return m.learn(true) })
}

func (m *model) retain(t *rapid.T) {
	id := m.id(t)
	d := rapid.SampledFrom([]time.Duration{10 * time.Second, time.Hour, 30 * time.Hour, 20 * 24 * time.Hour, longRetention}).Draw(t, "retention")
	if !m.streams[id].deleted {
		m.must(t, func() error { return m.world.retain(id, d) })
	}
}

func (m *model) erase(t *rapid.T) {
	id, c := m.id(t), store.Clock(rapid.IntRange(0, 1).Draw(t, "clock"))
	from := rapid.IntRange(-100, 100).Draw(t, "from")
	length := rapid.SampledFrom([]int{1, 10, 10_000}).Draw(t, "length")
	start := m.now.Add(m.streams[id].skew + time.Duration(from)*time.Second)
	if !m.streams[id].deleted {
		m.must(t, func() error { return m.world.erase(id, c, start, start.Add(time.Duration(length)*time.Second)) })
	}
}

func (m *model) delete(t *rapid.T) {
	if id := m.id(t); !m.streams[id].deleted {
		m.must(t, func() error { return m.drop(id) })
	}
}

func (m *model) create(t *rapid.T) {
	if id := m.id(t); m.streams[id].deleted {
		m.must(t, func() error { return m.recreate(id) })
	}
}

// give gives bytes back, and then counts.
func (m *model) give(t *rapid.T) { m.must(t, m.maintain, m.checkAccounts) }
