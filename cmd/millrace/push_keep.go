package main

import (
	"time"

	"github.com/millrace/millrace/producer"
)

// keeping is the flags of push that say what becomes of media until they are
// durable.
type keeping struct {
	Spool      string        `help:"Keep media on the disk too, below this directory, until they are durable. The next push with it goes on." placeholder:"DIR"`
	SpoolBytes sizeValue     `help:"How much each stream may have there (10G)." placeholder:"SIZE"`
	Mode       string        `help:"realtime: a full buffer gives up its oldest fragments; delayed: so it does, and fragments go when they are --delay old; offline: a full buffer makes the source wait (offline)." enum:"realtime,delayed,offline" default:"offline" placeholder:"MODE"`
	Delay      time.Duration `help:"How long media are kept before they are sent; with --mode delayed." placeholder:"D"`
	MaxAge     time.Duration `help:"Give up media that are older than this and not durable." placeholder:"D"`
	OnFull     string        `help:"What a full buffer does: wait, drop-oldest, drop-newest or fail; else as --mode says." enum:",wait,drop-oldest,drop-newest,fail" default:"" placeholder:"POLICY"`
	OnSlow     string        `help:"What happens when the network is slower than the media: keep; thin, which takes key frames alone; or jump to the newest (keep)." enum:"keep,thin,jump" default:"keep" placeholder:"POLICY"`
	Order      string        `help:"What goes first when there is a backlog: the oldest, or live with the backlog beside it (oldest)." enum:"oldest,live" default:"oldest" placeholder:"ORDER"`
	Wait       time.Duration `help:"How long to wait at the end while nothing is acknowledged (30s)." default:"30s" placeholder:"D"`
}

// check finds flags that contradict each other.
func (k keeping) check() error {
	switch {
	case k.SpoolBytes != 0 && k.Spool == "":
		return usagef("push", "--spool-bytes bounds a spool: name it with --spool DIR")
	case (k.Mode == "delayed") != (k.Delay > 0):
		return usagef("push", "--mode delayed and --delay D go together")
	case k.MaxAge < 0 || k.Wait <= 0:
		return usagef("push", "--max-age and --wait are above zero")
	}
	return nil
}

// apply sets what the flags say.
func (k keeping) apply(o *producer.StreamConfig) {
	modes := map[string]producer.Mode{"realtime": producer.Realtime, "delayed": producer.Delayed, "offline": producer.Offline}
	full := map[string]producer.FullPolicy{
		"": producer.FullByMode, "wait": producer.FullWait, "drop-oldest": producer.FullDropOldest,
		"drop-newest": producer.FullDropNewest, "fail": producer.FullFail,
	}
	slow := map[string]producer.SlowPolicy{"keep": producer.SlowKeep, "thin": producer.SlowThin, "jump": producer.SlowJump}
	orders := map[string]producer.Order{"oldest": producer.OldestFirst, "live": producer.LiveFirst}
	o.Mode, o.Delay = modes[k.Mode], k.Delay
	o.Buffer = producer.BufferRules{
		MaxAge: k.MaxAge, OnFull: full[k.OnFull], OnSlow: slow[k.OnSlow], Order: orders[k.Order],
		Spool: k.Spool != "", SpoolBytes: int64(k.SpoolBytes),
	}
}

// reasonText says why media were given up.
func reasonText(r producer.DropReason) string {
	switch r {
	case producer.DropFull:
		return "there was no room"
	case producer.DropAge:
		return "they were older than --max-age"
	case producer.DropSlow:
		return "the network is slow"
	case producer.DropRejected:
		return "the server will never take them"
	case producer.DropDamaged:
		return "the spool's bytes are not what was written"
	}
	return "of a reason that is not known"
}
