package chattest

import "chatlake/internal/stats"

// model is what makes one app differ from another. All of it follows from App.
type model struct {
	app           int64
	name, company string
	start         stats.Day
	size          int64 // active users on sizeDay
	growth        int64 // of the active users, in millionths a day
	week          rhythm

	logins, messages  int64 // a user and day
	online, groupSize int64 // percent of the users; members that a group message reaches

	registered, created, destroyed series
	users0, groups0                int64 // before the start
}

var (
	names = [...]string{
		"青鸟客服", "Harbour Chat", "云帆课堂", "Lantern Live", "同城好友", "Orchard Support", "九州游戏大厅", "Tide Messenger",
	}
	companies = [...]string{
		"青鸟网络科技有限公司", "Harbour Software Pte. Ltd.", "云帆教育", "Lantern Media", "同城互动", "Orchard Retail", "九州互娱", "Tide Labs",
	}
)

func newModel(a App) model {
	pick := func(name string, low, high int64) int64 { return low + noise(a.ID, 0, name, high-low+1) }
	which := pick("name", 0, int64(len(names))-1)
	m := model{
		app: a.ID, name: a.Name, company: a.Company, start: max(a.Since, firstDay), size: a.Size,
		growth: pick("growth", 100, 400), week: workRhythm,
		logins: pick("logins", 2, 6), messages: pick("messages", 6, 40),
		online: pick("online", 3, 30), groupSize: pick("members", 4, 30),
	}
	if pick("week", 0, 1) == 1 {
		m.week = leisureRhythm
	}
	defaultName, defaultCompany := names[which], companies[which]
	if a.ID == sampleID {
		defaultName, defaultCompany = sampleFields()["AppName"], sampleFields()["Company"]
	}
	if m.name == "" {
		m.name = defaultName
	}
	if m.company == "" {
		m.company = defaultCompany
	}
	if m.size <= 0 {
		// Most apps are small: 200 to 100,000 users, each power of two as likely as the next.
		m.size = pick("size", 200, 399) << pick("scale", 0, 8)
		if a.ID == sampleID {
			m.size = sampleActiveUsers
		}
	}
	counts := func(name string, rate int64) series {
		return series{app: a.ID, name: name, start: m.start, rate: max(rate, 8), week: m.week}
	}
	m.registered = counts("registered", m.size/100)
	m.created = counts("created", m.size/200+8)
	m.destroyed = counts("destroyed", m.created.rate*pick("short-lived", 60, 90)/100)
	m.groups0 = m.created.rate * 4 // more than the noise of both can take away
	if a.Since <= firstDay {
		m.users0 = 5 * m.size
	}
	return m
}

// activeUsers is the trend of the app's daily active users, in the week's rhythm.
func (m model) activeUsers(day stats.Day) int64 {
	const whole, least = 1_000_000, 200_000
	trend := max(least, whole+m.growth*int64(day-sizeDay))
	return max(m.size*trend/whole*m.week[weekday(day)]/1000, 1)
}
