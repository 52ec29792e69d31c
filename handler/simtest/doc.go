// Package simtest holds whole runs to what the lake promises, over thousands of random histories and over a year of daily runs. It
// has nothing but tests.
//
// A seed is a world: a Chat API, a bucket and a few apps, in a bubble of virtual time without sockets. Things happen to it
// one after another: daily runs, backfills, replays, dry runs, two runs at once, days that pass, files that other versions of
// the program left, a damaged file, a hole in the raw archive. Meanwhile the API revises, hides, spoils and doubles its rows,
// also between two calls of one run, its calls fail, COS fails requests before and after their effect, loses answers, delays
// them or lands them after their client gave up, and a run may be killed at any of its requests: what it has in flight then
// lands or not, and nothing that it sends later has an effect.
//
// # What the oracle knows
//
// The oracle reads each answer that reached a run, with rules of its own for what is a row. Each row is a claim: an app, a
// day, a value for each field that the answer has, and the order in which it was given. A claim is settled by
//
//   - a run that ended by itself and names neither the app nor the day among what failed;
//   - a replay that ended by itself, for the fields that the contract lets it decide: all of a row that the lake lacked,
//     else those of answers whose runs' clocks are after the stored row's updated_at, and those that the row lacked;
//   - the lake itself: a value that was once seen there.
//
// All other claims are open: a run that was killed, or failed at this day, may have merged them.
//
// # What it promises
//
// Whenever no run is under way, and so also after the clean run at the end:
//
//   - The lake has a row for each app and day with a settled claim, and none without any claim; no app twice on a day.
//   - Each field has the value of the newest settled claim that has the field, or that of a newer open claim. A field without
//     a settled claim may be NULL; no other may. So nothing is lost, and no older value lies over a newer one.
//   - What the API serves of the days in its reach when the clean run comes is what the lake then has.
//   - A second clean run changes no object of the table.
//
// Each time that an object of the table is written, and so at every point in time:
//
//   - It is readable, its rows are sorted and of its day, and it is longer than every file that was at its path.
//   - No row and no unknown column of its predecessor is gone; unknown columns keep their values.
//   - revision is at least 1, one more where a pull changed a value, and the same where it did not; first_pulled_at stays,
//     updated_at never moves backwards nor lies before it; both are the run's clock where a pull inserts the row.
//   - Nobody but the newest holder of the lease writes, and a file that cannot be read is replaced by a repair only.
//
// Of a run that ended by itself: it ended before its deadline; its counts are those of its answers (pulled is inserted,
// updated, unchanged, rejected and the rows of failed days); the partitions that it names are those that it wrote; its gaps are
// the days of the window that the lake lacks, and their marks are right; a dry run wrote nothing.
//
// A day whose file is damaged is exempt until it is repaired. A repair owes what the raw archive has of the day, and no more:
// what was in the file alone is lost with it.
//
// # The soak
//
// TestSoak is one long life instead of many short ones: a daily run with SCF's retries, for as many days and apps as its flags
// say. Each request fails with one chance in twenty, now and then at each attempt; runs are killed, and timers fire twice;
// apps come, leave and return, and the API revises what it gave. Besides the promises above, no day may ever be lost, and
// at the end the lake has all that the API ever gave: each row, with the values that it had last, and revised no more often.
// A run in which no request fails at every attempt has to succeed, but for one in a hundred.
//
// # How a seed repeats
//
// All decisions depend on the seed and on what a request is about (its run, its method, its key, how often it was made),
// never on the order in which goroutines happen to run: requests wait until the whole world stands still, and are served one
// at a time, in an order that the seed decides. What does not repeat is the jitter of retries and of a run that waits for the
// lease, which shifts their times by seconds; a seed that fails by such a margin may need a few tries.
package simtest
