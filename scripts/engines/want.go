package main

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"time"

	"chatlake/internal/stats"
)

// null is how an answer writes a NULL.
const null = "NULL"

// sum adds a column of rows, in as many bits as it takes. Without any value it is NULL.
func sum(rows []row, column string) string {
	var total *big.Int
	for _, r := range rows {
		if n, ok := r.numbers[column]; ok {
			if total == nil {
				total = new(big.Int)
			}
			total.Add(total, big.NewInt(n))
		}
	}
	if total == nil {
		return null
	}
	return total.String()
}

func count(rows []row, has func(row) bool) string {
	n := 0
	for _, r := range rows {
		if has(r) {
			n++
		}
	}
	return strconv.Itoa(n)
}

func hasText(column string) func(row) bool { return func(r row) bool { return r.texts[column] != "" } }

func hasNumber(column string) func(row) bool {
	return func(r row) bool { _, ok := r.numbers[column]; return ok }
}

// group makes an answer's row of each group of rows with the same key, in the keys' order.
func group[K cmp.Ordered](rows []row, key func(row) K, answer func(K, []row) []string) [][]string {
	groups := make(map[K][]row)
	for _, r := range rows {
		groups[key(r)] = append(groups[key(r)], r)
	}
	var answers [][]string
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		answers = append(answers, answer(k, groups[k]))
	}
	return answers
}

func only(rows []row, keep func(row) bool) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !keep(r) })
}

func appOf(r row) int64 { return r.app }

func id(n int64) string { return strconv.FormatInt(n, 10) }

func orNull(s string) string {
	if s == "" {
		return null
	}
	return s
}

func wantCounts(rows []row) [][]string {
	days, ids := map[stats.Day]bool{}, map[int64]bool{}
	for _, r := range rows {
		days[r.day], ids[r.app] = true, true
	}
	return [][]string{{
		strconv.Itoa(len(rows)), strconv.Itoa(len(days)), strconv.Itoa(len(ids)),
		count(rows, hasText("app_name")), count(rows, hasNumber("apns_msg_num")),
	}}
}

func wantWeeks(rows []row) [][]string {
	monday := func(r row) string {
		day := r.day.Time()
		return stats.DayIn(day.AddDate(0, 0, -(int(day.Weekday())+6)%7), time.UTC).String()
	}
	return group(rows, func(r row) string { return id(r.app) + " " + monday(r) }, func(_ string, week []row) []string {
		return []string{id(week[0].app), monday(week[0]), sum(week, "up_msg_num"), sum(week, "active_user_num")}
	})
}

func wantWeekBefore(rows []row) (answer [][]string) {
	for _, app := range apps {
		for _, r := range rows {
			if r.app != app.ID || r.day.String() < "2026-11-18" {
				continue
			}
			for _, before := range rows {
				if before.app == r.app && before.day == r.day-7 {
					change := r.numbers["active_user_num"] - before.numbers["active_user_num"]
					answer = append(answer, []string{id(r.app), r.day.String(), before.day.String(), id(change)})
				}
			}
		}
	}
	return answer
}

// filterFrom and filterTo are the days that the query with a filter on dt names.
const (
	filterFrom = "2026-10-18"
	filterTo   = "2026-10-20"
)

func wantDays(rows []row) (answer [][]string) {
	files := map[stats.Day]bool{}
	for _, r := range rows {
		if day := r.day.String(); day >= filterFrom && day <= filterTo {
			files[r.day] = true
			answer = append(answer, []string{day, id(r.app), id(r.numbers["up_msg_num"])})
		}
	}
	return append(answer, []string{"files read", strconv.Itoa(len(files))})
}

func wantExtra(rows []row) (answer [][]string) {
	for _, r := range rows {
		if r.extra["NewMetric"] != "" {
			answer = append(answer, []string{r.day.String(), r.extra["NewMetric"], r.extra["新指标"], r.extra["Object"], null})
		}
	}
	return answer
}

func wantNulls(rows []row) [][]string {
	return group(rows, appOf, func(app int64, rows []row) []string {
		filled := make([]row, len(rows))
		for i, r := range rows {
			filled[i].numbers = map[string]int64{"apns_msg_num": 1}
			maps.Copy(filled[i].numbers, r.numbers)
		}
		return []string{
			id(app), strconv.Itoa(len(rows)), count(rows, hasText("company")),
			count(rows, func(r row) bool { return !hasNumber("login_times")(r) }), sum(rows, "apns_msg_num"), sum(filled, "apns_msg_num"),
		}
	})
}

func wantTeams(rows []row) [][]string {
	return group(rows, func(r row) string {
		if r.app == apps[0].ID {
			return "north"
		}
		return "south"
	}, func(team string, rows []row) []string {
		return []string{team, strconv.Itoa(len(rows)), sum(rows, "down_msg_num")}
	})
}

func wantRevised(rows []row) (answer [][]string) {
	for _, app := range apps {
		of := only(rows, func(r row) bool { return r.app == app.ID })
		slices.SortFunc(of, func(a, b row) int {
			return cmp.Or(cmp.Compare(b.revision, a.revision), cmp.Compare(b.day, a.day))
		})
		of = of[:2]
		slices.SortFunc(of, func(a, b row) int { return cmp.Compare(a.day, b.day) })
		for _, r := range of {
			answer = append(answer, []string{id(r.app), r.day.String(), id(r.revision)})
		}
	}
	return answer
}

func wantTimes(rows []row) [][]string {
	const layout = "2006-01-02 15:04:05.000"
	late := only(rows, func(r row) bool { return r.updated.Format(layout) >= "2026-10-26 03:30:00.250" })
	return group(late, func(r row) string { return r.first.Format(layout) + "|" + r.updated.Format(layout) }, func(_ string, rows []row) []string {
		return []string{rows[0].first.Format(layout), rows[0].updated.Format(layout), strconv.Itoa(len(rows))}
	})
}

func wantAppsADay(rows []row) [][]string {
	perDay := map[stats.Day]int64{}
	for _, r := range rows {
		perDay[r.day]++
	}
	days := map[int64]int{}
	for _, n := range perDay {
		days[n]++
	}
	var answer [][]string
	for _, n := range slices.Sorted(maps.Keys(days)) {
		answer = append(answer, []string{id(n), strconv.Itoa(days[n])})
	}
	return answer
}

func wantChinese(rows []row) [][]string {
	named := only(rows, func(r row) bool {
		return r.texts["app_name"] == "海港聊天🙂" || r.texts["app_name"] == "青鸟客服"
	})
	return group(named, func(r row) string { return r.texts["app_name"] }, func(name string, rows []row) []string {
		company := ""
		for _, r := range rows {
			if c := r.texts["company"]; c != "" && (company == "" || c < company) {
				company = c
			}
		}
		return []string{name, orNull(company), strconv.Itoa(len(rows))}
	})
}

func wantExtremes(rows []row) [][]string {
	var requests, responses []int64
	var names []string
	for _, r := range rows {
		if n, ok := r.numbers["call_back_req"]; ok {
			requests, responses = append(requests, n), append(responses, r.numbers["call_back_rsp"])
		}
		if name := r.texts["app_name"]; name != "" {
			names = append(names, name)
		}
	}
	return [][]string{{
		id(slices.Max(requests)), id(slices.Min(responses)), rows[0].day.String(), rows[len(rows)-1].day.String(),
		slices.Max(names), slices.Min(names),
	}}
}
