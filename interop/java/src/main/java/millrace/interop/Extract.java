package millrace.interop;

import com.amazonaws.kinesisvideo.parser.ebml.EBMLTypeInfo;
import com.amazonaws.kinesisvideo.parser.ebml.InputStreamParserByteSource;
import com.amazonaws.kinesisvideo.parser.ebml.MkvTypeInfos;
import com.amazonaws.kinesisvideo.parser.mkv.Frame;
import com.amazonaws.kinesisvideo.parser.mkv.MkvDataElement;
import com.amazonaws.kinesisvideo.parser.mkv.MkvElement;
import com.amazonaws.kinesisvideo.parser.mkv.MkvElementVisitor;
import com.amazonaws.kinesisvideo.parser.mkv.MkvEndMasterElement;
import com.amazonaws.kinesisvideo.parser.mkv.MkvStartMasterElement;
import com.amazonaws.kinesisvideo.parser.mkv.StreamingMkvReader;
import com.amazonaws.kinesisvideo.parser.mkv.visitors.CompositeMkvElementVisitor;
import com.amazonaws.kinesisvideo.parser.mkv.visitors.CopyVisitor;
import com.amazonaws.kinesisvideo.parser.mkv.visitors.CountVisitor;
import com.amazonaws.kinesisvideo.parser.mkv.visitors.ElementSizeAndOffsetVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadata;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadataVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.FragmentMetadataVisitor.MkvTagProcessor;
import com.amazonaws.kinesisvideo.parser.utilities.FrameVisitor;
import com.amazonaws.kinesisvideo.parser.utilities.MkvTag;
import com.amazonaws.kinesisvideo.parser.utilities.MkvTrackMetadata;
import java.io.BufferedWriter;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Writes what the visitors of the parser library find in files: for each FILE a file OUT/NAME.txt
 * with a line for each track, Cluster, frame, tag and fragment, OUT/NAME.tree with what
 * ElementSizeAndOffsetVisitor writes, and OUT/NAME.copy with what CopyVisitor copies. The
 * arguments are OUT and the FILEs.
 */
public final class Extract {
    private static final int MOST_TRACKS = 16;

    private final PrintWriter out;
    private final FragmentMetadataVisitor metadata = FragmentMetadataVisitor.create();
    private BigInteger cluster; // its Timecode, until it has been written

    private Extract(PrintWriter out) {
        this.out = out;
    }

    public static void main(String[] args) throws Exception {
        for (int i = 1; i < args.length; i++) {
            Path file = Path.of(args[i]);
            String name = Path.of(args[0], file.getFileName().toString()).toString();
            try (PrintWriter facts = new PrintWriter(name + ".txt", "UTF-8")) {
                new Extract(facts).facts(file);
            }
            elements(file, name);
        }
    }

    private static void read(Path file, MkvElementVisitor visitor) throws Exception {
        try (InputStream in = new FileInputStream(file.toFile())) {
            StreamingMkvReader.createDefault(new InputStreamParserByteSource(in)).apply(visitor);
        }
    }

    private void facts(Path file) throws Exception {
        FrameVisitor frames = FrameVisitor.create(new FrameVisitor.FrameProcessor() {
            @Override
            public void process(Frame frame, MkvTrackMetadata track, Optional<FragmentMetadata> fragment,
                    Optional<MkvTagProcessor> tags, Optional<BigInteger> scale, Optional<BigInteger> timecode) {
                frame(frame, scale, timecode.get());
            }
        }, Optional.of(new MkvTagProcessor() {
            @Override
            public void process(MkvTag tag, Optional<FragmentMetadata> fragment) {
                out.println("tag " + quoted(tag.getTagName()) + " " + quoted(tag.getTagValue()));
            }

            @Override
            public void clear() {}
        }));
        CountVisitor counts = CountVisitor.create(MkvTypeInfos.EBML, MkvTypeInfos.SEGMENT, MkvTypeInfos.CLUSTER,
                MkvTypeInfos.SIMPLEBLOCK, MkvTypeInfos.BLOCKGROUP, MkvTypeInfos.TAGS, MkvTypeInfos.TAG, MkvTypeInfos.SIMPLETAG);
        try {
            read(file, new CompositeMkvElementVisitor(metadata, frames, new Places(), counts));
        } catch (RuntimeException e) {
            out.println("throws " + e.getClass().getSimpleName() + " " + quoted(String.valueOf(e.getMessage())));
        }
        for (EBMLTypeInfo type : new EBMLTypeInfo[] {MkvTypeInfos.EBML, MkvTypeInfos.SEGMENT, MkvTypeInfos.CLUSTER,
                MkvTypeInfos.SIMPLEBLOCK, MkvTypeInfos.BLOCKGROUP, MkvTypeInfos.TAGS, MkvTypeInfos.TAG, MkvTypeInfos.SIMPLETAG}) {
            out.println("count " + type.getName() + " " + counts.getCount(type));
        }
    }

    private static void elements(Path file, String name) throws Exception {
        try (BufferedWriter tree = Files.newBufferedWriter(Path.of(name + ".tree"));
                CopyVisitor copy = new CopyVisitor(Files.newOutputStream(Path.of(name + ".copy")))) {
            read(file, new CompositeMkvElementVisitor(new ElementSizeAndOffsetVisitor(tree), copy));
        } catch (RuntimeException e) {
            // the file of facts says so
        }
    }

    private void frame(Frame f, Optional<BigInteger> scale, BigInteger timecode) {
        if (cluster != null) {
            out.println("cluster " + cluster + " scale " + scale.map(BigInteger::toString).orElse("-"));
            cluster = null;
        }
        ByteBuffer data = f.getFrameData().duplicate();
        data.rewind();
        String flags = (f.isKeyFrame() ? "k" : "-") + (f.isInvisible() ? "i" : "-") + (f.isDiscardable() ? "d" : "-");
        String lacing = f.getLacing() == Frame.Lacing.NO ? "" : " " + f.getLacing();
        out.println("frame " + f.getTrackNumber() + " " + (timecode.longValue() + f.getTimeCode()) + " " + flags + " "
                + data.remaining() + " " + sum(data) + lacing);
    }

    private void tracks() {
        for (long n = 0; n <= MOST_TRACKS; n++) {
            MkvTrackMetadata t = metadata.getMkvTrackMetadata(n);
            if (t == null) {
                continue;
            }
            Map<EBMLTypeInfo, Object> more = new HashMap<>(); // the visitor passes over what is of sound
            for (MkvElement e : t.getAllElementsInTrack()) {
                if (e instanceof MkvDataElement) {
                    more.put(e.getElementMetaData().getTypeInfo(), ((MkvDataElement) e).getValueCopy().getVal());
                }
            }
            out.println("track " + t.getTrackNumber() + " uid " + t.getTrackUID().map(BigInteger::toString).orElse("-")
                    + " " + quoted(t.getCodecId()) + " " + quoted(t.getTrackName()) + " " + quoted(t.getCodecName())
                    + " private " + (t.getCodecPrivateData() == null ? "-" : sum(t.getCodecPrivateData()))
                    + " pixels " + t.getPixelWidth().map(BigInteger::toString).orElse("-") + " " + t.getPixelHeight().map(BigInteger::toString).orElse("-")
                    + " sound " + t.getSamplingFrequency().isPresent() + " " + more.getOrDefault(MkvTypeInfos.SAMPLINGFREQUENCY, "-")
                    + " " + more.getOrDefault(MkvTypeInfos.CHANNELS, "-") + " " + more.getOrDefault(MkvTypeInfos.BITDEPTH, "-"));
        }
    }

    private void end(FragmentMetadata f) {
        if (!f.isSuccess()) {
            out.println("failed " + f.getFragmentNumberString() + " " + f.getErrorId() + " " + quoted(f.getErrorCode()));
            return;
        }
        out.println("fragment " + f.getFragmentNumberString() + " server " + f.getServerSideTimestampMillis()
                + " producer " + f.getProducerSideTimestampMillis() + " complete " + f.isCompleteFragment()
                + " behind " + (f.getMillisBehindNow().isPresent() ? f.getMillisBehindNow().getAsLong() : "-")
                + " token " + f.getContinuationToken().orElse("-"));
    }

    private static String quoted(String s) {
        if (s == null) {
            return "-";
        }
        StringBuilder b = new StringBuilder("\"");
        for (char c : s.toCharArray()) {
            b.append(c < ' ' || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return b.append('"').toString();
    }

    /** Half of SHA-256, in hexadecimal: enough to tell frames apart. */
    private static String sum(ByteBuffer data) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            sha.update(data.duplicate());
            return String.format("%064x", new BigInteger(1, sha.digest())).substring(0, 32);
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Writes at the beginning of a segment's first Cluster what its tracks are, and at its end what its fragment was. */
    private final class Places extends MkvElementVisitor {
        private boolean told;
        private String name;

        @Override
        public void visit(MkvStartMasterElement element) {
            if (MkvTypeInfos.CLUSTER.equals(element.getElementMetaData().getTypeInfo()) && !told) {
                told = true;
                tracks();
            }
        }

        @Override
        public void visit(MkvDataElement element) {
            EBMLTypeInfo type = element.getElementMetaData().getTypeInfo();
            if (MkvTypeInfos.TIMECODE.equals(type)) {
                cluster = (BigInteger) element.getValueCopy().getVal();
            } else if (MkvTypeInfos.TAGNAME.equals(type)) {
                name = (String) element.getValueCopy().getVal();
            } else if (MkvTypeInfos.TAGSTRING.equals(type) && name != null && name.endsWith("_TIMESTAMP")) {
                out.println("says " + name + " " + element.getValueCopy().getVal()); // what the times are made of
            }
        }

        @Override
        public void visit(MkvEndMasterElement element) {
            if (MkvTypeInfos.SEGMENT.equals(element.getElementMetaData().getTypeInfo())) {
                if (!told) {
                    tracks();
                }
                told = false;
                metadata.getCurrentFragmentMetadata().ifPresent(Extract.this::end);
            }
        }
    }
}
