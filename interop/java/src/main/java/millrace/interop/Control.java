package millrace.interop;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.services.kinesisvideo.KinesisVideoClient;
import software.amazon.awssdk.services.kinesisvideo.model.APIName;
import software.amazon.awssdk.services.kinesisvideo.model.ComparisonOperator;
import software.amazon.awssdk.services.kinesisvideo.model.CreateStreamResponse;
import software.amazon.awssdk.services.kinesisvideo.model.InvalidArgumentException;
import software.amazon.awssdk.services.kinesisvideo.model.InvalidResourceFormatException;
import software.amazon.awssdk.services.kinesisvideo.model.ListStreamsResponse;
import software.amazon.awssdk.services.kinesisvideo.model.ResourceInUseException;
import software.amazon.awssdk.services.kinesisvideo.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesisvideo.model.Status;
import software.amazon.awssdk.services.kinesisvideo.model.StreamInfo;
import software.amazon.awssdk.services.kinesisvideo.model.StreamNameCondition;
import software.amazon.awssdk.services.kinesisvideo.model.Tag;
import software.amazon.awssdk.services.kinesisvideo.model.TagsPerResourceExceededLimitException;
import software.amazon.awssdk.services.kinesisvideo.model.UpdateDataRetentionOperation;
import software.amazon.awssdk.services.kinesisvideo.model.VersionMismatchException;

/** Every operation on streams and their tags with the SDK for Java v2, rightly and wrongly. */
public final class Control {
    private static final String PREFIX = "java2-";
    private static final KinesisVideoClient KV = KinesisVideoClient.create();

    private Control() {}

    public static void main(String[] none) {
        life();
        pages();
        notFound();
        invalid();
        conflicts();
        denied();
    }

    private static StreamInfo describe(String name) {
        return KV.describeStream(r -> r.streamName(name)).streamInfo();
    }

    private static void life() {
        String name = PREFIX + "life";
        CreateStreamResponse created = KV.createStream(r -> r.streamName(name).dataRetentionInHours(2)
                .mediaType("video/h264").deviceName("door").tags(Map.of("site", "Köln", "empty", "")));
        String arn = created.streamARN();
        StreamInfo info = describe(name);
        Check.same("ARN", arn, info.streamARN());
        Check.same("name", name, info.streamName());
        Check.same("status", Status.ACTIVE, info.status());
        Check.same("retention", 2, info.dataRetentionInHours());
        Check.same("media type", "video/h264", info.mediaType());
        Check.same("device", "door", info.deviceName());
        Check.that("the ARN ends in the time of creation", arn.endsWith("/" + name + "/" + info.creationTime().toEpochMilli()));
        Check.same("stream by ARN", info, KV.describeStream(r -> r.streamARN(arn)).streamInfo());

        KV.updateStream(r -> r.streamARN(arn).currentVersion(info.version()).mediaType("video/h265"));
        StreamInfo updated = describe(name);
        Check.same("media type after the update", "video/h265", updated.mediaType());
        Check.same("device after the update", "door", updated.deviceName());
        Check.that("the version has changed", !updated.version().equals(info.version()));

        retention(name, UpdateDataRetentionOperation.INCREASE_DATA_RETENTION, 22, 24);
        retention(name, UpdateDataRetentionOperation.DECREASE_DATA_RETENTION, 24, 0);
        endpoints(name);
        tags(name, arn);

        KV.deleteStream(r -> r.streamARN(arn).currentVersion(describe(name).version()));
        try {
            Check.same("status of what was deleted", Status.DELETING, describe(name).status());
        } catch (ResourceNotFoundException e) {
            // it went at once
        }
    }

    private static void retention(String name, UpdateDataRetentionOperation operation, int hours, int want) {
        KV.updateDataRetention(r -> r.streamName(name).currentVersion(describe(name).version())
                .operation(operation).dataRetentionChangeInHours(hours));
        Check.same("retention", want, describe(name).dataRetentionInHours());
    }

    private static void endpoints(String name) {
        for (APIName api : APIName.knownValues()) {
            Check.same("endpoint of " + api, System.getenv("AWS_ENDPOINT_URL"),
                    KV.getDataEndpoint(r -> r.streamName(name).apiName(api)).dataEndpoint());
        }
    }

    private static void tags(String name, String arn) {
        Check.same("tags", Map.of("site", "Köln", "empty", ""), KV.listTagsForStream(r -> r.streamName(name)).tags());
        KV.tagStream(r -> r.streamARN(arn).tags(Map.of("site", "Bonn", "floor", "1")));
        KV.untagStream(r -> r.streamName(name).tagKeyList("empty", "unknown"));
        KV.tagResource(r -> r.resourceARN(arn).tags(Tag.builder().key("room").value("7").build()));
        KV.untagResource(r -> r.resourceARN(arn).tagKeyList("floor"));
        Map<String, String> want = Map.of("site", "Bonn", "room", "7");
        Check.same("tags of the stream", want, KV.listTagsForStream(r -> r.streamARN(arn)).tags());
        Check.same("tags of the resource", want, KV.listTagsForResource(r -> r.resourceARN(arn)).tags());
    }

    private static void pages() {
        List<String> want = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            String name = PREFIX + "page-" + i;
            KV.createStream(r -> r.streamName(name));
            want.add(name);
        }
        StreamNameCondition condition = StreamNameCondition.builder()
                .comparisonOperator(ComparisonOperator.BEGINS_WITH).comparisonValue(PREFIX + "page-").build();
        for (int size : new int[] {1, 3, 7, 100}) {
            List<String> got = new ArrayList<>();
            for (ListStreamsResponse page : KV.listStreamsPaginator(r -> r.maxResults(size).streamNameCondition(condition))) {
                Check.that("a page is no larger than asked", page.streamInfoList().size() <= size);
                page.streamInfoList().forEach(info -> got.add(info.streamName()));
            }
            Check.same("streams in pages of " + size, want, got);
        }
        StreamNameCondition nobody = condition.toBuilder().comparisonValue(PREFIX + "nobody-").build();
        Check.same("streams of nobody", List.of(), KV.listStreams(r -> r.streamNameCondition(nobody)).streamInfoList());
    }

    private static void notFound() {
        Class<ResourceNotFoundException> type = ResourceNotFoundException.class;
        String name = PREFIX + "nobody";
        String gone = "arn:aws:kinesisvideo:us-east-1:000000000000:stream/" + name + "/1234567890123";
        Check.fails(type, 404, () -> KV.describeStream(r -> r.streamName(name)));
        Check.fails(type, 404, () -> KV.describeStream(r -> r.streamARN(gone)));
        Check.fails(type, 404, () -> KV.updateStream(r -> r.streamName(name).currentVersion("x")));
        Check.fails(type, 404, () -> KV.deleteStream(r -> r.streamARN(gone)));
        Check.fails(type, 404, () -> KV.getDataEndpoint(r -> r.streamName(name).apiName(APIName.PUT_MEDIA)));
        Check.fails(type, 404, () -> KV.tagStream(r -> r.streamName(name).tags(Map.of("a", "b"))));
        Check.fails(type, 404, () -> KV.untagStream(r -> r.streamName(name).tagKeyList("a")));
        Check.fails(type, 404, () -> KV.listTagsForStream(r -> r.streamName(name)));
        Check.fails(type, 404, () -> KV.tagResource(r -> r.resourceARN(gone).tags(Tag.builder().key("a").value("b").build())));
        Check.fails(type, 404, () -> KV.untagResource(r -> r.resourceARN(gone).tagKeyList("a")));
        Check.fails(type, 404, () -> KV.listTagsForResource(r -> r.resourceARN(gone)));
        Check.fails(type, 404, () -> KV.updateDataRetention(r -> r.streamName(name).currentVersion("x")
                .operation(UpdateDataRetentionOperation.INCREASE_DATA_RETENTION).dataRetentionChangeInHours(1)));
    }

    private static void invalid() {
        Class<InvalidArgumentException> type = InvalidArgumentException.class;
        Check.fails(type, 400, () -> KV.createStream(r -> r.streamName("a b")));
        Check.fails(type, 400, () -> KV.createStream(r -> r.streamName(PREFIX + "x").mediaType("nonsense")));
        Check.fails(type, 400, () -> KV.createStream(r -> r.streamName(PREFIX + "x").dataRetentionInHours(87601)));
        Check.fails(type, 400, () -> KV.createStream(r -> r.streamName(PREFIX + "x").tags(Map.of("aws:a", "b"))));
        Check.fails(type, 400, () -> KV.describeStream(r -> {}));
        Check.fails(type, 400, () -> KV.listStreams(r -> r.maxResults(10001)));
        Check.fails(type, 400, () -> KV.listStreams(r -> r.nextToken("bm90IG91cnM=")));
        Check.fails(type, 400, () -> KV.getDataEndpoint(r -> r.streamName(PREFIX + "page-0").apiName("FLY")));
        Check.fails(InvalidResourceFormatException.class, 400,
                () -> KV.tagStream(r -> r.streamARN("arn:aws:s3:::bucket").tags(Map.of("a", "b"))));
    }

    private static void conflicts() {
        String name = PREFIX + "conflicts";
        String arn = KV.createStream(r -> r.streamName(name)).streamARN();
        Class<VersionMismatchException> mismatch = VersionMismatchException.class;
        Check.fails(ResourceInUseException.class, 400, () -> KV.createStream(r -> r.streamName(name)));
        Check.fails(mismatch, 400, () -> KV.updateStream(r -> r.streamName(name).currentVersion("stale")));
        Check.fails(mismatch, 400, () -> KV.deleteStream(r -> r.streamARN(arn).currentVersion("stale")));
        Check.fails(mismatch, 400, () -> KV.updateDataRetention(r -> r.streamName(name).currentVersion("stale")
                .operation(UpdateDataRetentionOperation.INCREASE_DATA_RETENTION).dataRetentionChangeInHours(1)));

        Map<String, String> fifty = new HashMap<>();
        for (int i = 0; i < 50; i++) {
            fifty.put("key" + i, "");
        }
        KV.tagStream(r -> r.streamName(name).tags(fifty));
        Check.fails(TagsPerResourceExceededLimitException.class, 400, () -> KV.tagStream(r -> r.streamName(name).tags(Map.of("one", "more"))));
        Check.same("number of tags", 50, KV.listTagsForStream(r -> r.streamName(name)).tags().size());
    }

    private static void denied() {
        try (KinesisVideoClient stranger = KinesisVideoClient.builder()
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create(System.getenv("AWS_ACCESS_KEY_ID"), "wrong")))
                .build()) {
            Check.failsUntyped("InvalidSignatureException", 403, () -> stranger.listStreams());
        }
    }
}
