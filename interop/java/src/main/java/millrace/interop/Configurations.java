package millrace.interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.services.kinesisvideo.KinesisVideoClient;
import software.amazon.awssdk.services.kinesisvideo.model.ConfigurationStatus;
import software.amazon.awssdk.services.kinesisvideo.model.DefaultStorageTier;
import software.amazon.awssdk.services.kinesisvideo.model.DescribeEdgeConfigurationResponse;
import software.amazon.awssdk.services.kinesisvideo.model.EdgeConfig;
import software.amazon.awssdk.services.kinesisvideo.model.Format;
import software.amazon.awssdk.services.kinesisvideo.model.FormatConfigKey;
import software.amazon.awssdk.services.kinesisvideo.model.ImageGenerationConfiguration;
import software.amazon.awssdk.services.kinesisvideo.model.ImageSelectorType;
import software.amazon.awssdk.services.kinesisvideo.model.InvalidArgumentException;
import software.amazon.awssdk.services.kinesisvideo.model.ListEdgeAgentConfigurationsEdgeConfig;
import software.amazon.awssdk.services.kinesisvideo.model.MediaStorageConfigurationStatus;
import software.amazon.awssdk.services.kinesisvideo.model.MediaUriType;
import software.amazon.awssdk.services.kinesisvideo.model.NoDataRetentionException;
import software.amazon.awssdk.services.kinesisvideo.model.NotificationConfiguration;
import software.amazon.awssdk.services.kinesisvideo.model.ResourceInUseException;
import software.amazon.awssdk.services.kinesisvideo.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesisvideo.model.StartEdgeConfigurationUpdateResponse;
import software.amazon.awssdk.services.kinesisvideo.model.StrategyOnFullSize;
import software.amazon.awssdk.services.kinesisvideo.model.StreamEdgeConfigurationNotFoundException;
import software.amazon.awssdk.services.kinesisvideo.model.StreamInfo;
import software.amazon.awssdk.services.kinesisvideo.model.SyncStatus;
import software.amazon.awssdk.services.kinesisvideo.model.VersionMismatchException;

/** What can be configured of a stream, with the SDK for Java v2, and what it says of signaling channels. */
public final class Configurations {
    private static final String PREFIX = "java2-configured-";
    private static final String HUB = "arn:aws:iot:us-east-1:123456789012:thing/java2-hub";
    private static final KinesisVideoClient KV = KinesisVideoClient.create();

    private Configurations() {}

    public static void main(String[] none) {
        notification();
        images();
        storage();
        mapped();
        edge();
        edgePages();
        channels();
    }

    private static StreamInfo stream(String name, int hours) {
        KV.createStream(r -> r.streamName(PREFIX + name).dataRetentionInHours(hours));
        return KV.describeStream(r -> r.streamName(PREFIX + name)).streamInfo();
    }

    private static void notification() {
        StreamInfo s = stream("notification", 1);
        Check.same("notification at first", null,
                KV.describeNotificationConfiguration(r -> r.streamName(s.streamName())).notificationConfiguration());
        NotificationConfiguration want = NotificationConfiguration.builder()
                .status(ConfigurationStatus.ENABLED).destinationConfig(d -> d.uri("arn:aws:sns:us-east-1:123456789012:topic")).build();
        KV.updateNotificationConfiguration(r -> r.streamARN(s.streamARN()).notificationConfiguration(want));
        Check.same("notification", want,
                KV.describeNotificationConfiguration(r -> r.streamName(s.streamName())).notificationConfiguration());
        KV.updateNotificationConfiguration(r -> r.streamName(s.streamName()));
        Check.same("notification after its removal", null,
                KV.describeNotificationConfiguration(r -> r.streamName(s.streamName())).notificationConfiguration());

        Check.fails(InvalidArgumentException.class, 400, () -> KV.updateNotificationConfiguration(
                r -> r.streamName(s.streamName()).notificationConfiguration(want.toBuilder().status("PERHAPS").build())));
        Check.fails(ResourceNotFoundException.class, 404,
                () -> KV.updateNotificationConfiguration(r -> r.streamName(PREFIX + "nobody").notificationConfiguration(want)));
    }

    private static void images() {
        StreamInfo s = stream("images", 1);
        String region = s.streamARN().split(":")[3];
        ImageGenerationConfiguration want = ImageGenerationConfiguration.builder()
                .status(ConfigurationStatus.DISABLED).imageSelectorType(ImageSelectorType.PRODUCER_TIMESTAMP)
                .destinationConfig(d -> d.uri("s3://bucket/images").destinationRegion(region))
                .samplingInterval(3000).format(Format.JPEG).formatConfig(Map.of(FormatConfigKey.JPEG_QUALITY, "80"))
                .widthPixels(640).heightPixels(480).build();
        KV.updateImageGenerationConfiguration(r -> r.streamARN(s.streamARN()).imageGenerationConfiguration(want));
        Check.same("image generation", want,
                KV.describeImageGenerationConfiguration(r -> r.streamName(s.streamName())).imageGenerationConfiguration());
        Check.fails(InvalidArgumentException.class, 400, () -> KV.updateImageGenerationConfiguration(
                r -> r.streamName(s.streamName()).imageGenerationConfiguration(want.toBuilder().samplingInterval(1).build())));
        KV.updateImageGenerationConfiguration(r -> r.streamName(s.streamName()));
        Check.same("image generation after its removal", null,
                KV.describeImageGenerationConfiguration(r -> r.streamARN(s.streamARN())).imageGenerationConfiguration());
    }

    private static void storage() {
        StreamInfo s = stream("storage", 1);
        Check.same("tier at first", DefaultStorageTier.HOT, tier(s));
        KV.updateStreamStorageConfiguration(r -> r.streamName(s.streamName()).currentVersion(s.version())
                .streamStorageConfiguration(c -> c.defaultStorageTier(DefaultStorageTier.WARM)));
        Check.same("tier", DefaultStorageTier.WARM, tier(s));
        Check.fails(VersionMismatchException.class, 400, () -> KV.updateStreamStorageConfiguration(
                r -> r.streamName(s.streamName()).currentVersion(s.version())
                        .streamStorageConfiguration(c -> c.defaultStorageTier(DefaultStorageTier.HOT))));
    }

    private static DefaultStorageTier tier(StreamInfo s) {
        return KV.describeStreamStorageConfiguration(r -> r.streamARN(s.streamARN())).streamStorageConfiguration().defaultStorageTier();
    }

    private static void mapped() {
        StreamInfo s = stream("mapped", 1);
        Check.same("mapped resources", 0L, KV.describeMappedResourceConfigurationPaginator(r -> r.streamName(s.streamName()))
                .stream().flatMap(page -> page.mappedResourceConfigurationList().stream()).count());
    }

    private static EdgeConfig edgeConfig() {
        return EdgeConfig.builder()
                .hubDeviceArn(HUB)
                .recorderConfig(c -> c
                        .mediaSourceConfig(m -> m.mediaUriType(MediaUriType.RTSP_URI)
                                .mediaUriSecretArn("arn:aws:secretsmanager:us-east-1:123456789012:secret:camera"))
                        .scheduleConfig(x -> x.scheduleExpression("0 0 8 ? * * *").durationInSeconds(3600)))
                .uploaderConfig(c -> c.scheduleConfig(x -> x.scheduleExpression("0 0 9 ? * * *").durationInSeconds(60)))
                .deletionConfig(c -> c.edgeRetentionInHours(24).deleteAfterUpload(false)
                        .localSizeConfig(l -> l.maxLocalMediaSizeInMB(2000).strategyOnFullSize(StrategyOnFullSize.DELETE_OLDEST_MEDIA)))
                .build();
    }

    private static void edge() {
        StreamInfo s = stream("edge", 1);
        Class<StreamEdgeConfigurationNotFoundException> none = StreamEdgeConfigurationNotFoundException.class;
        Check.fails(none, 404, () -> KV.describeEdgeConfiguration(r -> r.streamName(s.streamName())));

        StartEdgeConfigurationUpdateResponse started =
                KV.startEdgeConfigurationUpdate(r -> r.streamARN(s.streamARN()).edgeConfig(edgeConfig()));
        Check.same("edge configuration as it was started", edgeConfig(), started.edgeConfig());
        Check.same("its state", SyncStatus.SYNCING, started.syncStatus());
        DescribeEdgeConfigurationResponse shown = KV.describeEdgeConfiguration(r -> r.streamName(s.streamName()));
        Check.same("edge configuration", edgeConfig(), shown.edgeConfig());
        Check.same("its stream", s.streamARN(), shown.streamARN());
        Check.same("its time of creation", started.creationTime(), shown.creationTime());
        Check.same("its last update", started.lastUpdatedTime(), shown.lastUpdatedTime());
        Check.fails(ResourceInUseException.class, 400,
                () -> KV.startEdgeConfigurationUpdate(r -> r.streamName(s.streamName()).edgeConfig(edgeConfig())));

        KV.deleteEdgeConfiguration(r -> r.streamARN(s.streamARN()));
        Check.fails(none, 404, () -> KV.deleteEdgeConfiguration(r -> r.streamName(s.streamName())));
        StreamInfo fleeting = stream("fleeting", 0);
        Check.fails(NoDataRetentionException.class, 400,
                () -> KV.startEdgeConfigurationUpdate(r -> r.streamName(fleeting.streamName()).edgeConfig(edgeConfig())));
    }

    private static void edgePages() {
        List<String> want = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            StreamInfo s = stream("page-" + i, 1);
            KV.startEdgeConfigurationUpdate(r -> r.streamName(s.streamName()).edgeConfig(edgeConfig()));
            want.add(s.streamName());
        }
        List<String> got = new ArrayList<>();
        KV.listEdgeAgentConfigurationsPaginator(r -> r.hubDeviceArn(HUB).maxResults(2)).stream()
                .flatMap(page -> page.edgeConfigs().stream())
                .map(ListEdgeAgentConfigurationsEdgeConfig::streamName)
                .sorted().forEach(got::add);
        Check.same("streams of the hub, in pages of two", want, got);
    }

    private static void channels() {
        String channel = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/java2/1234567890123";
        Check.failsUntyped("UnsupportedOperationException", 501, () -> KV.createSignalingChannel(r -> r.channelName("java2")));
        Check.failsUntyped("UnsupportedOperationException", 501, () -> KV.listSignalingChannels(r -> {}));
        Check.fails(ResourceNotFoundException.class, 404, () -> KV.describeMediaStorageConfiguration(r -> r.channelARN(channel)));
        Check.fails(ResourceNotFoundException.class, 404, () -> KV.updateMediaStorageConfiguration(r -> r.channelARN(channel)
                .mediaStorageConfiguration(c -> c.status(MediaStorageConfigurationStatus.DISABLED))));
    }
}
