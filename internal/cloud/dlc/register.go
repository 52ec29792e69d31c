package dlc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"chatlake/internal/cloud"
	"chatlake/internal/stats"
)

const (
	service = "dlc"
	version = "2021-01-25"

	firstPause = 500 * time.Millisecond
	maxPause   = 5 * time.Second // an engine that is suspended takes minutes to start
)

// The states of a task, by https://www.tencentcloud.com/document/product/1155/49003.
const (
	initializing = 0
	executing    = 1
	succeeded    = 2
	writing      = 3
	queuing      = 4
	failed       = -1
	canceled     = -3
)

var stateNames = map[int]string{
	initializing: "initializing", executing: "executing", writing: "writing its result", queuing: "queuing",
	failed: "failed", canceled: "canceled",
}

// TaskError is a statement that DLC accepted and did not bring to a good end.
type TaskError struct {
	TaskID  string // as DLC's console shows it
	State   int    // negative: the task has ended; else it was under way still when the context ended
	Message string // DLC's reason; "": none
}

func (e *TaskError) Error() string {
	if e.State >= 0 {
		return fmt.Sprintf("DLC task %s had not ended (%s): it goes on by itself, and registering the days again does no harm", e.TaskID, stateName(e.State))
	}
	return fmt.Sprintf("DLC task %s %s: %q: check that the table exists, has the partition column dt and is an external one, and that the role may alter it and read the lake's bucket", e.TaskID, stateName(e.State), e.Message)
}

func stateName(state int) string {
	if name, ok := stateNames[state]; ok {
		return name
	}
	return fmt.Sprintf("in state %d", state)
}

// Register adds the days' partitions to the table, those that it has already excepted, by one statement (see
// [Statement]), and waits for its end until the context ends; no day is no call. folder is the table's, such as
// cosn://BUCKET/PREFIX/app_daily_stats. A refused call is a [*cloud.Error], a statement that fails or does not end
// in time a [*TaskError]. The role needs dlc:CreateTask and dlc:DescribeTaskResult, and in DLC itself the right to
// use the engine and alter the table.
func Register(ctx context.Context, c *cloud.Client, t Target, folder string, days []stats.Day) error {
	if len(days) == 0 {
		return nil
	}
	sql, err := Statement(t, folder, days)
	if err != nil {
		return err
	}
	id, err := submit(ctx, c, t, sql)
	if err != nil {
		return fmt.Errorf("failed to register partitions with %s: %w", t, err)
	}
	if err := wait(ctx, c, id); err != nil {
		return fmt.Errorf("failed to register partitions with %s: %w", t, err)
	}
	return nil
}

// submit creates the task (https://www.tencentcloud.com/document/product/1155/49009). Its kind must fit the engine's, which
// a target does not say: SparkSQLTask for Spark, SQLTask for Presto. Spark is the usual one, and a wrong kind is refused
// with a code of its own.
func submit(ctx context.Context, c *cloud.Client, t Target, sql string) (string, error) {
	var created struct {
		TaskID string `json:"TaskId"`
	}
	create := func(kind string) error {
		return c.Call(ctx, service, version, "CreateTask", map[string]any{
			"Task":                     map[string]any{kind: map[string]any{"SQL": base64.StdEncoding.EncodeToString([]byte(sql))}},
			"DatabaseName":             t.Database,
			"DatasourceConnectionName": catalog,
			"DataEngineName":           t.Engine,
		}, &created)
	}
	err := create("SparkSQLTask")
	var refused *cloud.Error
	if errors.As(err, &refused) && refused.HasCode("InvalidParameter.InvalidTaskType") {
		err = create("SQLTask")
	}
	if err == nil && created.TaskID == "" {
		err = errors.New("DLC accepted the statement and named no task")
	}
	return created.TaskID, err
}

func wait(ctx context.Context, c *cloud.Client, id string) error {
	last := &TaskError{TaskID: c.Clean(id)}
	for pause := firstPause; ; pause = min(pause*3/2, maxPause) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", last, ctx.Err())
		case <-time.After(pause):
		}
		var answer struct {
			// Null where DLC does not know the task, which may be so for a moment.
			TaskInfo *struct {
				State         int
				OutputMessage string
			}
		}
		err := c.Call(ctx, service, version, "DescribeTaskResult", map[string]any{"TaskId": id}, &answer)
		switch {
		case err != nil && ctx.Err() != nil:
			return fmt.Errorf("%w: %w", last, err)
		case err != nil:
			return fmt.Errorf("DLC task %s: %w", last.TaskID, err)
		case answer.TaskInfo == nil:
			continue
		}
		if last.State = answer.TaskInfo.State; last.State == succeeded {
			return nil
		}
		if last.State < 0 {
			last.Message = c.Clean(answer.TaskInfo.OutputMessage)
			return last
		}
	}
}
