-- Review of accounts and rights (SK-410): what the board is shown once a quarter, and somebody signs.
--
-- For DuckDB with its extension `delta`, which reads the tables while the service runs:
--
--     cd /var/lib/sekisho && duckdb -c ".read access-review.sql"
--
-- It joins the stored events of the last 400 days with the people list, `people.csv` in this folder.
-- Each question gives one list; an empty list is a good answer.

LOAD delta;

CREATE TEMP TABLE people AS
SELECT lower("user") AS person, coalesce(kind, 'member') AS kind, try_cast(joined AS DATE) AS joined,
       try_cast("left" AS DATE) AS left_on, lower(coalesce(CAST(privileged AS VARCHAR), '')) IN ('true', 'yes', '1') AS privileged
FROM read_csv('people.csv', header = true, all_varchar = true);

CREATE TEMP TABLE uses AS
SELECT lower(person) AS person, "time", source, activity, mfa_result, auth_protocol, device_uid, src_asn
FROM delta_scan('tables/events')
WHERE status_id = 1 AND person IS NOT NULL
  AND activity IN ('logon', 'vpn_connect', 'token_grant', 'session_refresh', 'mail_access', 'file_download', 'file_access');

CREATE TEMP TABLE changes AS
SELECT lower(coalesce(person, user_name)) AS person, "time", source, activity, resource, actor_name
FROM delta_scan('tables/events')
WHERE status_id = 1 AND activity IN ('role_assign', 'role_remove', 'user_create', 'user_enable', 'user_disable', 'user_delete');

.print 1. Accounts in use that are not in the people list
SELECT person, count(*) AS uses, max("time") AS last_used, string_agg(DISTINCT source, ', ') AS sources
FROM uses WHERE person NOT IN (SELECT person FROM people)
GROUP BY person ORDER BY last_used DESC;

.print 2. Leavers whose account was used after the last day
SELECT person, left_on, count(*) AS uses, max("time") AS last_used
FROM uses JOIN people USING (person) WHERE CAST("time" AS DATE) > left_on
GROUP BY person, left_on ORDER BY last_used DESC;

.print 3. Leavers whose account nobody was seen to disable
SELECT person, left_on FROM people
WHERE left_on < current_date
  AND person NOT IN (SELECT person FROM changes WHERE activity IN ('user_disable', 'user_delete'))
ORDER BY left_on;

.print 4. Administrators: more than five, and more than one in twenty, is too many
SELECT count(*) FILTER (privileged) AS administrators, count(*) AS people,
       count(*) FILTER (privileged) > greatest(5, ceil(0.05 * count(*))) AS too_many
FROM people WHERE left_on IS NULL OR left_on >= current_date;

.print 5. Administrators who signed in without a second factor in the last 90 days
SELECT person, count(*) AS sign_ins, max("time") AS last_time
FROM uses JOIN people USING (person)
WHERE privileged AND activity = 'logon' AND mfa_result IN ('none', 'not_required') AND "time" > now() - INTERVAL 90 DAY
GROUP BY person ORDER BY sign_ins DESC;

.print 6. Rights that were given and not taken back, whose owner did nothing for 90 days
SELECT given.person, given.resource, max(given."time") AS given_on, max(given.actor_name) AS given_by
FROM changes AS given
WHERE given.activity = 'role_assign'
  AND NOT EXISTS (SELECT 1 FROM changes AS taken WHERE taken.activity = 'role_remove' AND taken.person = given.person
                  AND taken.resource IS NOT DISTINCT FROM given.resource AND taken."time" > given."time")
  AND NOT EXISTS (SELECT 1 FROM uses WHERE uses.person = given.person AND uses."time" > now() - INTERVAL 90 DAY)
GROUP BY given.person, given.resource ORDER BY given_on;

.print 7. People without a sign-in for 45 days (90 days: disable the account)
SELECT person, max("time") AS last_used, max("time") < now() - INTERVAL 90 DAY OR max("time") IS NULL AS over_90_days
FROM people LEFT JOIN uses USING (person)
WHERE (left_on IS NULL OR left_on >= current_date) AND kind <> 'service'
GROUP BY person HAVING max("time") IS NULL OR max("time") < now() - INTERVAL 45 DAY
ORDER BY last_used NULLS FIRST;

.print 8. Accounts that several people seem to share: three or more devices on one day, on five days
WITH days AS (
    SELECT person, CAST("time" AS DATE) AS day, count(DISTINCT device_uid) AS devices, count(DISTINCT src_asn) AS networks
    FROM uses WHERE "time" > now() - INTERVAL 90 DAY GROUP BY person, day
)
SELECT person, count(*) AS days FROM days WHERE devices >= 3 AND networks >= 2
GROUP BY person HAVING count(*) >= 5 ORDER BY days DESC;
