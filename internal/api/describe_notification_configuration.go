package api

import "context"

type describeNotificationConfigurationOutput struct {
	Configuration *notificationConfiguration `json:"NotificationConfiguration,omitempty"`
}

// describeNotificationConfiguration shows the configuration as it was given,
// and an empty object if there is none.
func (h *Handler) describeNotificationConfiguration(ctx context.Context, c *call) (any, error) {
	var out describeNotificationConfigurationOutput
	_, _, err := h.describeConfiguration(ctx, c, notificationKind, &out)
	return out, err
}
