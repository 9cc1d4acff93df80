package millrace.interop;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.Map;

/** Standard output: one JSON object a line, which the Go side of the suite reads. */
final class Out {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Out() {}

    /** Writes a line of names and values, in turn. Any thread may call it. */
    static void line(Object... namesAndValues) {
        Map<String, Object> line = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            line.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        try {
            String text = JSON.writeValueAsString(line);
            synchronized (Out.class) {
                System.out.println(text);
                System.out.flush();
            }
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
