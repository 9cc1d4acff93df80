package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/wire/client"
)

type deviceCommand struct {
	Create  deviceCreate  `cmd:"" help:"Make a key and a certificate for a device that may write its stream."`
	List    deviceList    `cmd:"" help:"List devices and what they may write."`
	Disable deviceDisable `cmd:"" help:"Refuse a device and its credentials from now on."`
	Enable  deviceEnable  `cmd:"" help:"Take a disabled device again."`
	Delete  deviceDelete  `cmd:"" help:"Forget a device; its certificate is of no use then."`
}

// A deviceName is checked where it is written.
type deviceName string

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *deviceName) UnmarshalText(text []byte) error {
	if !certs.ValidDeviceName(string(text)) {
		return fmt.Errorf("%q is not 1 to %d characters of [a-zA-Z0-9_.-]", text, certs.MaxDeviceName)
	}
	*n = deviceName(text)
	return nil
}

// deviceInfo is a device in JSON.
type deviceInfo struct {
	Name      string    `json:"name"`
	Status    string    `json:"status"`
	Streams   []string  `json:"streams"`
	RoleAlias string    `json:"roleAlias"`
	Serial    string    `json:"serial"`
	Print     string    `json:"fingerprint"`
	Created   time.Time `json:"created"`
	By        string    `json:"createdBy"`
	Expires   time.Time `json:"expires"`
}

func infoOfDevice(d client.Device) deviceInfo {
	return deviceInfo{
		Name: d.DeviceName, Status: d.Status, Streams: d.Streams, RoleAlias: d.RoleAlias, Serial: d.SerialNumber, Print: d.Fingerprint,
		Created: d.CreationTime.Time, By: d.CreatedBy, Expires: d.ExpirationTime.Time,
	}
}

func (d deviceInfo) line(w io.Writer) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\tuntil %s\n", d.Name, d.Status, strings.Join(d.Streams, ","), d.RoleAlias, d.Expires.Format(time.DateOnly))
}

type deviceList struct {
	access
}

// Run lists the devices; as JSON one line for each.
func (d deviceList) Run(ctx context.Context, c *console) error {
	conn, err := d.control(c)
	if err != nil {
		return err
	}
	var all []deviceInfo
	for device, err := range conn.Devices(ctx) {
		if err != nil {
			return fmt.Errorf("list devices: %w", err)
		}
		all = append(all, infoOfDevice(device))
	}
	if len(all) == 0 {
		c.say("There are no devices. Make one with: millrace device create NAME")
	}
	return printList(c, all, deviceInfo.line)
}

type deviceDisable struct {
	Name deviceName `arg:"" help:"Name of the device."`
	access
}

// Run disables the device.
func (d deviceDisable) Run(ctx context.Context, c *console) error {
	return d.setStatus(ctx, c, d.Name, client.KeyDisabled)
}

type deviceEnable struct {
	Name deviceName `arg:"" help:"Name of the device."`
	access
}

// Run enables the device.
func (d deviceEnable) Run(ctx context.Context, c *console) error {
	return d.setStatus(ctx, c, d.Name, client.KeyEnabled)
}

func (a access) setStatus(ctx context.Context, c *console, name deviceName, status string) error {
	conn, err := a.control(c)
	if err != nil {
		return err
	}
	device, err := conn.UpdateDevice(ctx, string(name), status)
	if err != nil {
		return adviseOnDevice(fmt.Errorf("update device %s: %w", name, err))
	}
	info := infoOfDevice(device)
	return c.print(info, info.line)
}

type deviceDelete struct {
	Name deviceName `arg:"" help:"Name of the device."`
	access
}

// Run deletes the device.
func (d deviceDelete) Run(ctx context.Context, c *console) error {
	conn, err := d.control(c)
	if err != nil {
		return err
	}
	if err := conn.DeleteDevice(ctx, string(d.Name)); err != nil {
		return adviseOnDevice(fmt.Errorf("delete device %s: %w", d.Name, err))
	}
	return c.print(map[string]string{"deleted": string(d.Name)}, func(io.Writer) {})
}

// adviseOnDevice says where to look for a device that is not there.
func adviseOnDevice(err error) error {
	return advise(err, millrace.CodeNotFound, "See the devices there are with: millrace device list")
}
