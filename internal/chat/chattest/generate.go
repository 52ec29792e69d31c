package chattest

import (
	"strconv"
	"time"

	"chatlake/internal/stats"
)

const (
	firstDay  = stats.Day(14610) // 2010-01-01: no data before
	sizeDay   = stats.Day(20454) // 2026-01-01: when an app has App.Size users
	settledAt = 3                // days after a day at which its numbers are final
)

// Values returns the row of one app and day as it stands at asOf: every field of the API, as strings. It is nil
// before the app's first day and for days after asOf's. The same arguments always give the same row.
//
// Registrations and groups are counted as they happen. All else comes in late: a day's numbers are lower on the
// first and the second day after it and final from the third on. On the day itself everything is in proportion
// to the time that has passed. Parts sum up to their totals (one-to-one and group to all, days to running
// totals), and no part exceeds its whole.
func Values(app App, day stats.Day, asOf time.Time) map[string]any {
	m := newModel(app)
	age := stats.DayIn(asOf, stats.Beijing) - day
	if age < 0 || day < m.start {
		return nil
	}
	if app.ID == sampleID && day == lastSampleDay(day) {
		return sampleValues(day)
	}
	v := make(map[string]any, 32)
	put := func(name string, n int64) { v[name] = strconv.FormatInt(n, 10) }
	put("AppId", app.ID)
	v["Date"], v["AppName"], v["Company"] = date(day), m.name, m.company
	c := count{m, day, age, asOf}
	total, groups := c.registrations(put)
	c.traffic(put, total, groups)
	return v
}

// count makes the counters of one day as of one moment.
type count struct {
	model
	day  stats.Day
	age  stats.Day
	asOf time.Time
}

// sofar is the share of a full day's number that has happened.
func (c count) sofar(n int64) int64 {
	if c.age > 0 {
		return n
	}
	local := c.asOf.In(stats.Beijing)
	passed := int64(local.Hour()*3600 + local.Minute()*60 + local.Second())
	return n * passed / 86400
}

// settled is the share of a full day's number that has come in. It keeps the order of what it is applied to.
func (c count) settled(n int64) int64 {
	switch {
	case c.age >= settledAt:
		return n
	case c.age == 2:
		n -= n/400 + 1
	case c.age == 1:
		n -= n/100 + 3
	default:
		n = c.sofar(n)
	}
	return max(n, 0)
}

// about varies a number by 3 % from day to day.
func (c count) about(name string, n int64) int64 {
	return n * (970 + noise(c.app, c.day, name, 61)) / 1000
}

// registrations puts what is counted at once, and returns the running totals of users and groups.
func (c count) registrations(put func(string, int64)) (users, groups int64) {
	since := c.day - 1
	registered := c.sofar(c.registered.on(c.day))
	created, destroyed := c.sofar(c.created.on(c.day)), c.sofar(c.destroyed.on(c.day))
	users = c.users0 + c.registered.total(since) + registered
	groups = c.groups0 + c.created.total(since) - c.destroyed.total(since) + created - destroyed
	if c.app == sampleID {
		from := lastSampleDay(c.day)
		users += sampleRegistered - c.users0 - c.registered.total(from)
		groups += sampleGroups - c.groups0 - c.created.total(from) + c.destroyed.total(from)
	}
	put("RegistUserNumOneDay", registered)
	put("RegistUserNumTotal", users)
	put("GroupNewGroupNum", created)
	put("GroupDestroyGroupNum", destroyed)
	put("GroupAllGroupNum", groups)
	return users, groups
}

// traffic puts what comes in late.
func (c count) traffic(put func(string, int64), registered, groups int64) {
	everyone := min(c.about("users", c.activeUsers(c.day)), registered)
	login := c.settled(everyone)
	put("LoginUserNum", login)
	put("ActiveUserNum", login-login/25)
	put("LoginTimes", c.settled(c.about("logins", everyone*c.logins)+12))
	put("MaxOnlineNum", min(login, c.settled(everyone*c.online/100+1)))

	c2cSenders := min(login, c.settled(everyone*35/100+1))
	groupSenders := min(login, c.settled(everyone*20/100+1))
	put("C2CSendMsgUserNum", c2cSenders)
	put("GroupSendMsgUserNum", groupSenders)
	put("SendMsgUserNum", min(login, max(c2cSenders, groupSenders)+min(c2cSenders, groupSenders)/3))
	put("GroupSendMsgGroupNum", min(groups, c.settled(everyone/6+1)))

	sum := func(c2cName, groupName, allName string, c2c, group int64) int64 {
		put(c2cName, c2c)
		put(groupName, group)
		put(allName, c2c+group)
		return c2c + group
	}
	c2c := c.about("c2c", everyone*c.messages) + 12
	group := c.about("group", everyone*c.messages/3) + 12
	up := sum("C2CUpMsgNum", "GroupUpMsgNum", "UpMsgNum", c.settled(c2c), c.settled(group))
	sum("C2CDownMsgNum", "GroupDownMsgNum", "DownMsgNum", c.settled(c2c*95/100), c.settled(group*c.groupSize))
	sum("C2CAPNSMsgNum", "GroupAPNSMsgNum", "APNSMsgNum", c.settled(c2c/9), c.settled(group*c.groupSize/20))

	chains := c.about("chains", everyone/8) + 4
	put("ChainIncrease", c.settled(chains))
	put("ChainDecrease", c.settled(chains*2/5))
	joins := c.about("joins", everyone/3) + 4
	put("GroupJoinGroupTimes", c.settled(joins))
	put("GroupQuitGroupTimes", c.settled(joins*4/5))

	requests := up + login
	put("CallBackReq", requests)
	put("CallBackRsp", requests-requests*noise(c.app, c.day, "lost", 5)/1000)
}
