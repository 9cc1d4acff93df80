package api

import (
	"context"

	"github.com/millrace/millrace/internal/auth"
)

type updateDeviceInput struct {
	Name   *string `json:"DeviceName"`
	Status *string `json:"Status"`
}

// updateDevice enables or disables a device. From the answer on every request
// with its credentials goes by it, and media calls under way end within seconds.
func (h *Handler) updateDevice(ctx context.Context, c *call) (any, error) {
	var in updateDeviceInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	name := found.deviceID(in.Name)
	if in.Status == nil {
		found.missing("status")
	} else {
		found.oneOf("status", *in.Status, keyEnabled, keyDisabled)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if err := h.mayChange(ctx, c, auth.UpdateDevice, name); err != nil {
		return nil, err
	}
	d, err := h.config.Devices.Disable(ctx, name, *in.Status == keyDisabled)
	if err != nil {
		return nil, explainDevice(err, name)
	}
	return newDeviceInfo(d), nil
}

type deleteDeviceInput struct {
	Name *string `json:"DeviceName"`
}

// deleteDevice forgets a device. Its certificate is nobody's from then on, also
// when another device gets the name; media calls under way end within seconds.
func (h *Handler) deleteDevice(ctx context.Context, c *call) (any, error) {
	var in deleteDeviceInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	name := found.deviceID(in.Name)
	if err := found.err(); err != nil {
		return nil, err
	}
	if err := h.mayChange(ctx, c, auth.DeleteDevice, name); err != nil {
		return nil, err
	}
	if err := h.config.Devices.Delete(ctx, name); err != nil {
		return nil, explainDevice(err, name)
	}
	return nil, nil
}

// mayChange asks for permission to change a device that is there.
func (h *Handler) mayChange(ctx context.Context, c *call, action auth.Action, name string) error {
	c.subject = name
	if err := auth.Authorize(c.principal, action, "*"); err != nil {
		return err
	}
	if err := h.admit(c, ""); err != nil {
		return err
	}
	if err := h.haveDevices(); err != nil {
		return err
	}
	d, err := h.config.Devices.Device(ctx, name)
	if err != nil {
		return explainDevice(err, name)
	}
	return mayGovern(c.principal, action, name, d.Streams)
}
