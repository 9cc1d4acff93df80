package api

import "context"

type updateNotificationConfigurationInput struct {
	streamRef
	Configuration *notificationConfiguration `json:"NotificationConfiguration"`
}

// updateNotificationConfiguration replaces the configuration; none removes it.
func (h *Handler) updateNotificationConfiguration(ctx context.Context, c *call) (any, error) {
	var in updateNotificationConfigurationInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	t := in.target(&found)
	if in.Configuration != nil {
		in.Configuration.check(&found)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if in.Configuration == nil {
		return nil, h.unconfigure(ctx, c, t, notificationKind)
	}
	return nil, h.configure(ctx, c, t, notificationKind, describeNotificationConfigurationOutput{in.Configuration}, suitsAny)
}
