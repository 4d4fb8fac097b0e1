-- The slide decks linked to the sessions $2 (to all where $1 is true), with what their URL needs: `reuse_policy` is the
-- slug of the document's last state of that type, `home` the lowest session that the document is linked to.
-- Not sorted: a sort of wide rows would spill to disk.
SELECT p.session_id::int8 AS session, p."order"::int4 AS place, p.id::int8 AS link, d.id AS document, d.name, d.title,
       d.rev, d.external_url, d.uploaded_filename, d.deleted, d.reuse_policy, d.home
  FROM {schema}.meeting_session_materials p
 CROSS JOIN LATERAL (
    SELECT x.id::int8 AS id, x.name, x.title, x.rev, x.external_url, x.uploaded_filename,
           EXISTS (SELECT 1 FROM {schema}.doc_document_states k
                    WHERE k.document_id = x.id
                      AND k.state_id = ANY (ARRAY(SELECT st.id FROM {schema}.doc_state st
                                                   WHERE st.type_id = 'slides' AND st.slug = 'deleted'))) AS deleted,
           (SELECT st.slug FROM {schema}.doc_document_states k
              JOIN {schema}.doc_state st ON st.id = k.state_id
             WHERE k.document_id = x.id AND st.type_id = 'reuse_policy'
             ORDER BY st."order" DESC, st.id DESC LIMIT 1) AS reuse_policy,
           (SELECT min(l.session_id)::int8 FROM {schema}.meeting_session_materials l
             WHERE l.document_id = x.id) AS home
      FROM {schema}.doc_document x
     WHERE x.id = p.document_id AND x.type_id = 'slides'
     LIMIT 1) d
 WHERE $1 OR p.session_id = ANY ($2)
