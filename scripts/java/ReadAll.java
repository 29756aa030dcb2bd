import gov.aps.jca.CAException;
import gov.aps.jca.CAStatus;
import gov.aps.jca.Channel;
import gov.aps.jca.Context;
import gov.aps.jca.JCALibrary;
import gov.aps.jca.Monitor;
import gov.aps.jca.dbr.DBR;
import gov.aps.jca.dbr.DBRType;
import gov.aps.jca.dbr.Severity;
import gov.aps.jca.dbr.TIME;
import gov.aps.jca.dbr.TimeStamp;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Array;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * Tells whether the Java programs of a control room can read every PV: Phoebus, the archiver
 * appliance and the alarm server, whose Channel Access client (org.epics:jca, CAJ) this uses.
 *
 * <p>The names of the PVs come on standard input, one a line. Each is read in the ways of those
 * programs: by get of its native count with time stamp; by get of its control metadata; by a monitor
 * of the native count with mask LOG|ALARM, as the archiver subscribes; by a monitor of variable
 * count with mask VALUE|ALARM, as Phoebus does; by get of one element with control metadata as
 * SHORT, as the archiver asks of characters; by get of one element with time stamp. A value must be there, be as long as was said,
 * and have a time stamp of this hour.
 *
 * <p>Prints one line for each fault and one line with the counts. Exit code 0: no fault; 1: faults;
 * 2: nothing to read. The EPICS_CA_* variables of the environment say where to look.
 */
public final class ReadAll {
    private static final double ARCHIVER_SECONDS = 1800; // the appliance drops what is further away
    private static final long EPICS_EPOCH = 631152000; // 1990-01-01 in seconds of Unix time
    private static final int TIME_OFFSET = DBRType.TIME_STRING.getValue();
    private static final int CONTROL_OFFSET = DBRType.CTRL_STRING.getValue();
    private static final int ANY_COUNT = 0;
    private static final int GETS = 4;
    private static final int MONITORS = 2;
    private static final int WAYS = GETS + MONITORS;

    private static final int BATCH = 1000; // PVs at a time, so that a server need not hold much

    private final long seconds;
    private final Set<String> faults = new ConcurrentSkipListSet<>();
    private final Counts counts = new Counts();

    private ReadAll(long seconds) {
        this.seconds = seconds;
    }

    /** Arguments: the seconds to wait for all PVs to connect, and again for all to answer (60). */
    public static void main(String[] arguments) throws Exception {
        List<String> names = new ArrayList<>();
        BufferedReader input =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            if (!line.isBlank()) {
                names.add(line.strip());
            }
        }
        if (names.isEmpty()) {
            System.err.println("ReadAll: no PV names on standard input");
            System.exit(2);
        }
        long seconds = arguments.length > 0 ? Long.parseLong(arguments[0]) : 60;
        boolean good = false;
        try {
            good = new ReadAll(seconds).run(names);
        } catch (CAException | IllegalStateException error) {
            System.out.println("the library gave up: " + error);
        } finally {
            System.exit(good ? 0 : 1); // the library's threads would go on
        }
    }

    private boolean run(List<String> names) throws CAException, InterruptedException {
        collectWarnings();
        System.setProperty("jca.use_env", "true");
        Context context = JCALibrary.getInstance().createContext(JCALibrary.CHANNEL_ACCESS_JAVA);
        for (int start = 0; start < names.size(); start += BATCH) {
            int end = Math.min(start + BATCH, names.size());
            readBatch(context, names.subList(start, end));
        }
        context.destroy();
        faults.forEach(System.out::println);
        System.out.println(names.size() + " PVs: " + counts + "; " + faults.size() + " faults");
        return faults.isEmpty();
    }

    private void readBatch(Context context, List<String> names)
            throws CAException, InterruptedException {
        List<Channel> all = new ArrayList<>();
        List<Way> ways = new ArrayList<>();
        for (Channel channel : connect(context, names, all)) {
            ways.addAll(waysToRead(channel));
            counts.add(channel);
        }
        for (Way way : ways) {
            way.ask();
        }
        context.flushIO();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        for (Way way : ways) {
            if (!way.answered.await(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                way.fault("no answer within " + seconds + " s");
            }
        }
        counts.missing += names.size() - ways.size() / WAYS;
        for (Channel channel : all) {
            channel.destroy();
        }
    }

    /** Make all channels and return those that were found; the others are faults. */
    private List<Channel> connect(Context context, List<String> names, List<Channel> all)
            throws CAException, InterruptedException {
        CountDownLatch missing = new CountDownLatch(names.size());
        for (String name : names) {
            AtomicBoolean first = new AtomicBoolean(true);
            all.add(
                    context.createChannel(
                            name,
                            event -> {
                                if (event.isConnected() && first.getAndSet(false)) {
                                    missing.countDown();
                                }
                            }));
        }
        context.flushIO();
        missing.await(seconds, TimeUnit.SECONDS);
        List<Channel> found = new ArrayList<>();
        for (Channel channel : all) {
            if (channel.getConnectionState() == Channel.CONNECTED) {
                found.add(channel);
            } else {
                faults.add(channel.getName() + ": not found within " + seconds + " s");
            }
        }
        return found;
    }

    private List<Way> waysToRead(Channel channel) throws CAException {
        int count = channel.getElementCount();
        DBRType time = DBRType.forValue(channel.getFieldType().getValue() + TIME_OFFSET);
        DBRType control = DBRType.forValue(channel.getFieldType().getValue() + CONTROL_OFFSET);
        return List.of(
                new Get(channel, "get", time, count),
                new Get(channel, "get of metadata", control, 1),
                new Get(channel, "get of metadata as SHORT", shortControl(channel), 1),
                new Get(channel, "get of one", time, 1),
                new Subscription(channel, time, count, Monitor.LOG | Monitor.ALARM),
                new Subscription(channel, time, ANY_COUNT, Monitor.VALUE | Monitor.ALARM));
    }

    /** CTRL_SHORT for numbers and characters; a text may be no number. */
    private static DBRType shortControl(Channel channel) throws CAException {
        return channel.getFieldType().isSTRING() ? DBRType.CTRL_STRING : DBRType.CTRL_SHORT;
    }

    /** One way to read one PV. */
    private abstract class Way {
        final Channel channel;
        final String name;
        final DBRType type;
        final int count;
        final CountDownLatch answered = new CountDownLatch(1);

        Way(Channel channel, String name, DBRType type, int count) {
            this.channel = channel;
            this.name = name;
            this.type = type;
            this.count = count;
        }

        abstract void ask() throws CAException;

        void fault(String text) {
            faults.add(channel.getName() + ": " + name + ": " + text);
        }

        /** Judge an answer; of a subscription every one that comes. */
        void judge(CAStatus status, DBR answer) {
            if (status != CAStatus.NORMAL) {
                fault("answered with " + status.getName() + ": " + status.getMessage());
            } else if (answer == null) {
                fault("the answer could not be decoded");
            } else {
                judge(answer);
            }
            answered.countDown();
        }

        private void judge(DBR answer) {
            int came = Array.getLength(answer.getValue());
            if (answer.getCount() != came) {
                fault(answer.getCount() + " elements announced, " + came + " came");
            } else if (count != ANY_COUNT && came != count) {
                fault(count + " elements asked for, " + came + " came");
            } else if (came == 0) {
                fault("no elements came");
            }
            // the library's classes of metadata have a time stamp too, which is never set
            if (type.getValue() < CONTROL_OFFSET) {
                judgeStamp((TIME) answer);
            }
        }

        private void judgeStamp(TIME answer) {
            TimeStamp stamp = answer.getTimeStamp();
            boolean neverRead = answer.getSeverity() == Severity.INVALID_ALARM;
            if (stamp.secPastEpoch() == 0 && neverRead) {
                return; // as a record of EPICS Base that was never processed
            }
            double age = System.currentTimeMillis() / 1000.0 - stamp.asDouble() - EPICS_EPOCH;
            if (Math.abs(age) > ARCHIVER_SECONDS) {
                fault(String.format("the time stamp is %.0f h old", age / 3600));
            }
        }
    }

    private final class Get extends Way {
        Get(Channel channel, String name, DBRType type, int count) {
            super(channel, name, type, count);
        }

        @Override
        void ask() throws CAException {
            channel.get(type, count, event -> judge(event.getStatus(), event.getDBR()));
        }
    }

    private final class Subscription extends Way {
        private final int mask;

        Subscription(Channel channel, DBRType type, int count, int mask) {
            super(channel, count == ANY_COUNT ? "monitor of any count" : "monitor", type, count);
            this.mask = mask;
        }

        @Override
        void ask() throws CAException {
            channel.addMonitor(
                    type, count, mask, event -> judge(event.getStatus(), event.getDBR()));
        }
    }

    /** What the library itself complains about is a fault too: it logs what it cannot decode. */
    private void collectWarnings() {
        Logger root = Logger.getLogger("");
        for (Handler handler : root.getHandlers()) {
            root.removeHandler(handler);
        }
        root.addHandler(
                new Handler() {
                    @Override
                    public void publish(LogRecord record) {
                        if (record.getLevel().intValue() >= Level.WARNING.intValue()) {
                            faults.add("the library says: " + text(record));
                        }
                    }

                    @Override
                    public void flush() {}

                    @Override
                    public void close() {}
                });
    }

    private static String text(LogRecord record) {
        Throwable thrown = record.getThrown();
        return record.getMessage() + (thrown == null ? "" : " (" + thrown + ")");
    }

    /** What was read. */
    private static final class Counts {
        int scalars;
        int arrays;
        int missing;

        void add(Channel channel) {
            if (channel.getElementCount() > 1) {
                arrays++;
            } else {
                scalars++;
            }
        }

        @Override
        public String toString() {
            int read = scalars + arrays;
            return String.format(
                    "%d scalars, %d arrays, %d not found; %d gets, %d monitors",
                    scalars, arrays, missing, GETS * read, MONITORS * read);
        }
    }
}
