// Package lease is the writers' lease of a lake: of all the runs that share a store, one at a time writes.
//
// COS has no conditional write by version. It has x-cos-forbid-overwrite, which a bucket that ever had versioning
// ignores in silence (https://github.com/lance-format/lance/issues/6595), and of which one report saw racing creates both
// succeed (https://github.com/apache/opendal/issues/7526). A lost answer makes a writer's own retry answer that the object
// exists, and a listing may be behind. So no answer of a create is believed, and nothing is listed.
//
// # Why it is safe
//
// A lease is a chain of generations 0, 1, 2, …, each an object that names its owner and when it expires. None is removed,
// and none made before the one below it was seen free. A generation is free once it was released, or [Margin] after it
// expired, and stays free. The holder is the owner of the newest generation: two holders need one generation with two
// owners, each of whom has read its own name in it.
//
// On a bucket that honours the header (a second create of generation 0, which has no owner, is refused) the first create
// decides, however slow or late any request is: the owner never changes, and reading it back tells. For the case that
// racing creates may both succeed, it is read once more before the first write, when the race is seconds past.
//
// On a bucket that ignores it, Fischer's timed mutual exclusion decides (Lamport, "A Fast Mutual Exclusion Algorithm",
// 1987). Whoever writes a generation has seen it missing at most window before, so all such writes land within window,
// a delay of the process and lag of the first of them. An acquirer waits for longer than that after its own before it
// reads back, and finds what nobody changes any more. One that was delayed itself gives up, and leaves its generation to
// expire, since it may lie over that of a holder who knows nothing of it.
//
// A holder writes through [Lease.Guard], which begins no attempt after the lease's end, be it that the machine slept or
// the instance was frozen. What it began before lands within Margin. The same holds of an attempt that a store gave up, also
// where the next one succeeded: such a lease is not released but ends then, so that the next holder waits out the stray.
//
// # What it assumes
//
//   - Create is atomic on a store that honours it, but for creates that overlap; a read of one key sees the last write
//     that was answered.
//   - A write lands within Margin of when its client gave it up or died, or never; the create of a record, on a bucket
//     that ignores the header, within lag.
//   - A process that stalls between asking for the time and sending does so for less than delay.
//   - The server's clock, as its answers' Date has it, is right to some seconds among all its machines. This machine's clock
//     only measures how long something takes, and may be wrong by years.
//   - A process is dead at its deadline, or writes through Guard.
//   - Nothing else writes, expires or removes objects below _lock/. While a lease is acquired, its store is used for
//     nothing else, so that the newest answer, which tells the server's clock, is the acquirer's own.
//
// # What it does not guard
//
//   - A writer that does not ask for the lease, and a write past Guard.
//   - A run that writes one key twice: an attempt of the first write that was given up may land after the second.
//   - A machine that falls asleep in the middle of sending a write, and sends the rest after the lease's end over a
//     connection that lived on.
//   - A bucket on which versioning is first turned on while a lease is being acquired.
//   - A bucket that ignores the header, where a create takes longer than lag to land: there the function's concurrency of
//     1 is what prevents two writers. See [Lease.Honoured].
//
// # What it costs
//
// A lease that nobody contends takes 8 requests from Acquire to Release, however old the chain; 9 on a bucket that ignores
// the header, and 5 seconds. A run that is killed while it acquires or holds leaves a lease that nobody can take before
// Margin after its deadline. Waiting runs take their turn by chance.
package lease
