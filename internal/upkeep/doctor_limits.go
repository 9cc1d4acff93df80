package upkeep

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

const (
	// fewFiles is how many open files a small server needs: its packs, and a
	// connection for each camera and viewer.
	fewFiles = 1024

	// soon is how long before its end a certificate is complained about.
	soon = 14 * 24 * time.Hour
)

// port tries to listen where the server would.
func (d *doctor) port(ctx context.Context) {
	const check = "port"
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", d.cfg.Listen)
	switch {
	case err == nil:
		_ = l.Close() // nobody has connected
		d.note(check, LevelOK, "", "%s is free", d.cfg.Listen)
	case inUse(err) && d.running:
		d.note(check, LevelOK, "", "%s is in use, as it should be: the server runs", d.cfg.Listen)
	case inUse(err):
		d.note(check, LevelFail, "End the program that listens there, or choose another address with --listen.", "%s is in use by another program", d.cfg.Listen)
	case errors.Is(err, os.ErrPermission):
		d.note(check, LevelFail, "Use a port from 1024 up, or give the program the right (setcap cap_net_bind_service=+ep).", "this user may not listen on %s", d.cfg.Listen)
	case ctx.Err() == nil:
		d.note(check, LevelFail, "Is the host in --listen an address of this machine?", "cannot listen on %s: %v", d.cfg.Listen, err)
	}
}

// certificate checks that the certificate can be loaded and is valid.
func (d *doctor) certificate(context.Context) {
	const check = "certificate"
	if d.cfg.TLSCert == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(d.cfg.TLSCert, d.cfg.TLSKey)
	if err != nil {
		d.note(check, LevelFail, "See --tls-cert and --tls-key.", "cannot be loaded: %v", err)
		return
	}
	now, leaf := d.o.Now(), pair.Leaf
	switch {
	case now.After(leaf.NotAfter):
		d.note(check, LevelFail, "Renew it.", "has been invalid since %s", stamp(leaf.NotAfter))
	case now.Before(leaf.NotBefore):
		d.note(check, LevelFail, "Is the clock right?", "will be valid from %s on", stamp(leaf.NotBefore))
	case leaf.NotAfter.Sub(now) < soon:
		d.note(check, LevelWarn, "Renew it; a running server takes the new one by itself.", "is valid until %s only", stamp(leaf.NotAfter))
	default:
		d.note(check, LevelOK, "", "is valid until %s", stamp(leaf.NotAfter))
	}
}

// memory compares the budget with what there is.
func (d *doctor) memory(context.Context) {
	const check = "memory"
	total, known := d.machine.memory()
	if !known {
		return
	}
	budget, chosen := int64(d.cfg.Memory), fmt.Sprintf("--memory is %v", d.cfg.Memory)
	if budget == 0 {
		budget, chosen = total/4, "the budget for media is a quarter of that"
	}
	switch {
	case budget > total/2:
		d.note(check, LevelWarn, "Half of the memory is the most that leaves room for the rest.", "%s, and %s may be used", chosen, sizeText(total))
	case total < 256<<20:
		d.note(check, LevelWarn, "A server with more than a few cameras wants 512 MiB.", "%s may be used", sizeText(total))
	default:
		d.note(check, LevelOK, "", "%s may be used; %s", sizeText(total), chosen)
	}
}

// MachineMemory is how many bytes of memory this process may use: what the
// machine has, or what its container is allowed. known is false where the
// system does not say.
func MachineMemory() (bytes int64, known bool) { return thisMachine{}.memory() }

// files checks how many files may be open.
func (d *doctor) files(context.Context) {
	const check = "open files"
	most, known := d.machine.openFiles()
	switch {
	case !known:
	case most < fewFiles:
		d.note(check, LevelWarn, "Raise it: ulimit -n, or LimitNOFILE in the service's file.", "%d may be open: one for each camera and viewer, and a hundred for packs", most)
	default:
		d.note(check, LevelOK, "", "%d may be open", most)
	}
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	const unit = 1024
	if n < 10*unit {
		return fmt.Sprintf("%d bytes", n)
	}
	value, names := float64(n), []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	at := -1
	for value >= unit && at < len(names)-1 {
		value, at = value/unit, at+1
	}
	return fmt.Sprintf("%.1f %s", value, names[at])
}
