-- The part of the datatracker's schema that meetsync reads or writes, and what that part leans on, as Django creates
-- it on PostgreSQL 15. Foreign keys into tables that are not here are left out. Kept apart from the data, so that a
-- fixture can bring its own.

-- Tables

CREATE TABLE public.meeting_meeting (
    id integer NOT NULL,
    number character varying(64) NOT NULL,
    date date NOT NULL,
    days integer NOT NULL,
    city character varying(255) NOT NULL,
    country character varying(2) NOT NULL,
    time_zone character varying(255) NOT NULL,
    idsubmit_cutoff_day_offset_00 integer NOT NULL,
    idsubmit_cutoff_day_offset_01 integer NOT NULL,
    idsubmit_cutoff_time_utc interval NOT NULL,
    idsubmit_cutoff_warning_days interval NOT NULL,
    submission_start_day_offset integer NOT NULL,
    submission_cutoff_day_offset integer NOT NULL,
    submission_correction_day_offset integer NOT NULL,
    venue_name character varying(255) NOT NULL,
    venue_addr text NOT NULL,
    break_area character varying(255) NOT NULL,
    reg_area character varying(255) NOT NULL,
    agenda_info_note text NOT NULL,
    agenda_warning_note text NOT NULL,
    session_request_lock_message character varying(255) NOT NULL,
    proceedings_final boolean NOT NULL,
    acknowledgements text NOT NULL,
    show_important_dates boolean NOT NULL,
    attendees integer,
    overview_id integer,
    schedule_id integer,
    type_id character varying(32) NOT NULL
);

CREATE TABLE public.meeting_session (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    short character varying(32) NOT NULL,
    attendees integer,
    agenda_note character varying(512) NOT NULL,
    requested_duration interval NOT NULL,
    comments text NOT NULL,
    scheduled timestamp with time zone,
    modified timestamp with time zone NOT NULL,
    remote_instructions character varying(1024) NOT NULL,
    on_agenda boolean NOT NULL,
    has_onsite_tool boolean NOT NULL,
    chat_room character varying(32) NOT NULL,
    meetecho_recording_name character varying(64) NOT NULL,
    group_id integer NOT NULL,
    meeting_id integer NOT NULL,
    purpose_id character varying(32) NOT NULL,
    tombstone_for_id integer,
    type_id character varying(32) NOT NULL
);

CREATE TABLE public.meeting_timeslot (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    "time" timestamp with time zone NOT NULL,
    duration interval NOT NULL,
    show_location boolean NOT NULL,
    modified timestamp with time zone NOT NULL,
    location_id integer,
    meeting_id integer NOT NULL,
    type_id character varying(32) NOT NULL
);

CREATE TABLE public.meeting_schedule (
    id integer NOT NULL,
    name character varying(64) NOT NULL,
    visible boolean NOT NULL,
    public boolean NOT NULL,
    badness integer,
    notes text NOT NULL,
    base_id integer,
    meeting_id integer,
    origin_id integer,
    owner_id integer NOT NULL
);

CREATE TABLE public.meeting_schedtimesessassignment (
    id integer NOT NULL,
    modified timestamp with time zone NOT NULL,
    badness integer,
    pinned boolean NOT NULL,
    extendedfrom_id integer,
    schedule_id integer NOT NULL,
    session_id integer,
    timeslot_id integer NOT NULL
);

CREATE TABLE public.meeting_session_materials (
    id integer NOT NULL,
    rev character varying(16),
    "order" smallint NOT NULL,
    document_id integer NOT NULL,
    session_id integer NOT NULL,
    CONSTRAINT meeting_session_materials_order_check CHECK (("order" >= 0))
);

CREATE TABLE public.meeting_schedulingevent (
    id integer NOT NULL,
    "time" timestamp with time zone NOT NULL,
    by_id integer NOT NULL,
    session_id integer NOT NULL,
    status_id character varying(32) NOT NULL
);

CREATE TABLE public.doc_document (
    id integer NOT NULL,
    "time" timestamp with time zone NOT NULL,
    title character varying(255) NOT NULL,
    abstract text NOT NULL,
    rev character varying(16) NOT NULL,
    pages integer,
    words integer,
    expires timestamp with time zone,
    notify text NOT NULL,
    external_url character varying(200) NOT NULL,
    uploaded_filename text NOT NULL,
    note text NOT NULL,
    rfc_number integer,
    keywords jsonb NOT NULL,
    name character varying(255) NOT NULL,
    ad_id integer,
    group_id integer,
    intended_std_level_id character varying(32),
    shepherd_id character varying(64),
    std_level_id character varying(32),
    stream_id character varying(32),
    type_id character varying(32),
    CONSTRAINT doc_document_rfc_number_check CHECK ((rfc_number >= 0))
);

CREATE TABLE public.doc_document_states (
    id integer NOT NULL,
    document_id integer NOT NULL,
    state_id integer NOT NULL
);

CREATE TABLE public.doc_state (
    id integer NOT NULL,
    slug character varying(50) NOT NULL,
    name character varying(255) NOT NULL,
    used boolean NOT NULL,
    "desc" text NOT NULL,
    "order" integer NOT NULL,
    type_id character varying(30) NOT NULL
);

CREATE TABLE public.group_group (
    id integer NOT NULL,
    "time" timestamp with time zone NOT NULL,
    name character varying(80) NOT NULL,
    description text NOT NULL,
    list_email character varying(64) NOT NULL,
    list_subscribe character varying(255) NOT NULL,
    list_archive character varying(255) NOT NULL,
    comments text NOT NULL,
    meeting_seen_as_area boolean NOT NULL,
    used_roles jsonb NOT NULL,
    uses_milestone_dates boolean NOT NULL,
    acronym character varying(40) NOT NULL,
    charter_id integer,
    parent_id integer,
    state_id character varying(32),
    type_id character varying(32)
);

CREATE TABLE public.person_person (
    id integer NOT NULL,
    "time" timestamp with time zone NOT NULL,
    name character varying(255) NOT NULL,
    plain character varying(64) NOT NULL,
    ascii character varying(255) NOT NULL,
    ascii_short character varying(32),
    pronouns_selectable jsonb,
    pronouns_freetext character varying(30),
    biography text NOT NULL,
    photo character varying(100) NOT NULL,
    photo_thumb character varying(100) NOT NULL,
    name_from_draft character varying(255),
    user_id integer
);

CREATE TABLE public.person_email (
    address character varying(64) NOT NULL,
    "time" timestamp with time zone NOT NULL,
    "primary" boolean NOT NULL,
    origin character varying(150) NOT NULL,
    active boolean NOT NULL,
    person_id integer
);

CREATE TABLE public.auth_user (
    id integer NOT NULL,
    password character varying(128) NOT NULL,
    last_login timestamp with time zone,
    is_superuser boolean NOT NULL,
    username character varying(150) NOT NULL,
    first_name character varying(150) NOT NULL,
    last_name character varying(150) NOT NULL,
    email character varying(254) NOT NULL,
    is_staff boolean NOT NULL,
    is_active boolean NOT NULL,
    date_joined timestamp with time zone NOT NULL
);


-- Identity columns

ALTER TABLE public.meeting_meeting ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.meeting_meeting_id_seq);
ALTER TABLE public.meeting_session ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.meeting_session_id_seq);
ALTER TABLE public.meeting_timeslot ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.meeting_timeslot_id_seq);
ALTER TABLE public.meeting_schedule ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.meeting_schedule_id_seq);
ALTER TABLE public.meeting_schedtimesessassignment ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.meeting_schedtimesessassignment_id_seq);
ALTER TABLE public.meeting_session_materials ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.meeting_session_materials_id_seq);
ALTER TABLE public.meeting_schedulingevent ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.meeting_schedulingevent_id_seq);
ALTER TABLE public.doc_document ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.doc_document_id_seq);
ALTER TABLE public.doc_document_states ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.doc_document_states_id_seq);
ALTER TABLE public.doc_state ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.doc_state_id_seq);
ALTER TABLE public.group_group ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.group_group_id_seq);
ALTER TABLE public.person_person ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.person_person_id_seq);
ALTER TABLE public.auth_user ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.auth_user_id_seq);

-- Primary keys and unique constraints

ALTER TABLE ONLY public.meeting_meeting
    ADD CONSTRAINT meeting_meeting_number_key UNIQUE (number);
ALTER TABLE ONLY public.meeting_meeting
    ADD CONSTRAINT meeting_meeting_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.meeting_session
    ADD CONSTRAINT meeting_session_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.meeting_timeslot
    ADD CONSTRAINT meeting_timeslot_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.meeting_schedule
    ADD CONSTRAINT meeting_schedule_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.meeting_schedtimesessassignment
    ADD CONSTRAINT meeting_schedtimesessassignment_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.meeting_session_materials
    ADD CONSTRAINT meeting_session_materials_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.meeting_session_materials
    ADD CONSTRAINT meeting_session_materials_session_id_document_id_e0171500_uniq UNIQUE (session_id, document_id);
ALTER TABLE ONLY public.meeting_schedulingevent
    ADD CONSTRAINT meeting_schedulingevent_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.doc_document
    ADD CONSTRAINT doc_document_name_key UNIQUE (name);
ALTER TABLE ONLY public.doc_document
    ADD CONSTRAINT doc_document_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.doc_document_states
    ADD CONSTRAINT doc_document_states_document_id_state_id_962482fc_uniq UNIQUE (document_id, state_id);
ALTER TABLE ONLY public.doc_document_states
    ADD CONSTRAINT doc_document_states_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.doc_state
    ADD CONSTRAINT doc_state_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.group_group
    ADD CONSTRAINT group_group_acronym_key UNIQUE (acronym);
ALTER TABLE ONLY public.group_group
    ADD CONSTRAINT group_group_charter_id_key UNIQUE (charter_id);
ALTER TABLE ONLY public.group_group
    ADD CONSTRAINT group_group_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.person_person
    ADD CONSTRAINT person_person_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.person_person
    ADD CONSTRAINT person_person_user_id_key UNIQUE (user_id);
ALTER TABLE ONLY public.person_email
    ADD CONSTRAINT person_email_pkey PRIMARY KEY (address);
ALTER TABLE ONLY public.auth_user
    ADD CONSTRAINT auth_user_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.auth_user
    ADD CONSTRAINT auth_user_username_key UNIQUE (username);

-- Indexes

CREATE INDEX meeting_mee_date_40ca21_idx ON public.meeting_meeting USING btree (date DESC, id DESC);
CREATE INDEX meeting_meeting_number_b4701830_like ON public.meeting_meeting USING btree (number varchar_pattern_ops);
CREATE INDEX meeting_meeting_overview_id_bbbead93 ON public.meeting_meeting USING btree (overview_id);
CREATE INDEX meeting_meeting_schedule_id_23b76373 ON public.meeting_meeting USING btree (schedule_id);
CREATE INDEX meeting_meeting_type_id_a9601915 ON public.meeting_meeting USING btree (type_id);
CREATE INDEX meeting_meeting_type_id_a9601915_like ON public.meeting_meeting USING btree (type_id varchar_pattern_ops);
CREATE INDEX meeting_session_group_id_46fa7e0d ON public.meeting_session USING btree (group_id);
CREATE INDEX meeting_session_meeting_id_aba9db6e ON public.meeting_session USING btree (meeting_id);
CREATE INDEX meeting_session_purpose_id_689d3830 ON public.meeting_session USING btree (purpose_id);
CREATE INDEX meeting_session_purpose_id_689d3830_like ON public.meeting_session USING btree (purpose_id varchar_pattern_ops);
CREATE INDEX meeting_session_tombstone_for_id_f2ec3570 ON public.meeting_session USING btree (tombstone_for_id);
CREATE INDEX meeting_session_type_id_c960e1de ON public.meeting_session USING btree (type_id);
CREATE INDEX meeting_session_type_id_c960e1de_like ON public.meeting_session USING btree (type_id varchar_pattern_ops);
CREATE INDEX meeting_tim_time_b802cb_idx ON public.meeting_timeslot USING btree ("time" DESC, id DESC);
CREATE INDEX meeting_timeslot_location_id_d5ec7e72 ON public.meeting_timeslot USING btree (location_id);
CREATE INDEX meeting_timeslot_meeting_id_b57ff93d ON public.meeting_timeslot USING btree (meeting_id);
CREATE INDEX meeting_timeslot_type_id_3e4c1456 ON public.meeting_timeslot USING btree (type_id);
CREATE INDEX meeting_timeslot_type_id_3e4c1456_like ON public.meeting_timeslot USING btree (type_id varchar_pattern_ops);
CREATE INDEX meeting_schedule_base_id_206bce41 ON public.meeting_schedule USING btree (base_id);
CREATE INDEX meeting_schedule_meeting_id_43f060db ON public.meeting_schedule USING btree (meeting_id);
CREATE INDEX meeting_schedule_origin_id_0c287cc7 ON public.meeting_schedule USING btree (origin_id);
CREATE INDEX meeting_schedule_owner_id_dbec8502 ON public.meeting_schedule USING btree (owner_id);
CREATE INDEX meeting_schedtimesessassignment_extendedfrom_id_722208d9 ON public.meeting_schedtimesessassignment USING btree (extendedfrom_id);
CREATE INDEX meeting_schedtimesessassignment_schedule_id_aebdbaec ON public.meeting_schedtimesessassignment USING btree (schedule_id);
CREATE INDEX meeting_schedtimesessassignment_session_id_105f8a25 ON public.meeting_schedtimesessassignment USING btree (session_id);
CREATE INDEX meeting_schedtimesessassignment_timeslot_id_f1f8062e ON public.meeting_schedtimesessassignment USING btree (timeslot_id);
CREATE INDEX meeting_session_materials_document_id_37c5a218 ON public.meeting_session_materials USING btree (document_id);
CREATE INDEX meeting_session_materials_session_id_d9aef84d ON public.meeting_session_materials USING btree (session_id);
CREATE INDEX meeting_schedulingevent_by_id_02cc76e8 ON public.meeting_schedulingevent USING btree (by_id);
CREATE INDEX meeting_schedulingevent_session_id_6871cf75 ON public.meeting_schedulingevent USING btree (session_id);
CREATE INDEX meeting_schedulingevent_status_id_59de6612 ON public.meeting_schedulingevent USING btree (status_id);
CREATE INDEX meeting_schedulingevent_status_id_59de6612_like ON public.meeting_schedulingevent USING btree (status_id varchar_pattern_ops);
CREATE INDEX doc_document_ad_id_f3fbcefb ON public.doc_document USING btree (ad_id);
CREATE INDEX doc_document_group_id_792492f1 ON public.doc_document USING btree (group_id);
CREATE INDEX doc_document_intended_std_level_id_53faf6b4 ON public.doc_document USING btree (intended_std_level_id);
CREATE INDEX doc_document_intended_std_level_id_53faf6b4_like ON public.doc_document USING btree (intended_std_level_id varchar_pattern_ops);
CREATE INDEX doc_document_name_5b2a66de_like ON public.doc_document USING btree (name varchar_pattern_ops);
CREATE INDEX doc_document_shepherd_id_fd656766 ON public.doc_document USING btree (shepherd_id);
CREATE INDEX doc_document_shepherd_id_fd656766_like ON public.doc_document USING btree (shepherd_id varchar_pattern_ops);
CREATE INDEX doc_document_std_level_id_988e1b76 ON public.doc_document USING btree (std_level_id);
CREATE INDEX doc_document_std_level_id_988e1b76_like ON public.doc_document USING btree (std_level_id varchar_pattern_ops);
CREATE INDEX doc_document_stream_id_03f84d60 ON public.doc_document USING btree (stream_id);
CREATE INDEX doc_document_stream_id_03f84d60_like ON public.doc_document USING btree (stream_id varchar_pattern_ops);
CREATE INDEX doc_document_type_id_f7c87ef6 ON public.doc_document USING btree (type_id);
CREATE INDEX doc_document_type_id_f7c87ef6_like ON public.doc_document USING btree (type_id varchar_pattern_ops);
CREATE INDEX doc_document_states_document_id_a54ce12d ON public.doc_document_states USING btree (document_id);
CREATE INDEX doc_document_states_state_id_0d51122d ON public.doc_document_states USING btree (state_id);
CREATE INDEX doc_state_slug_8c96b82e ON public.doc_state USING btree (slug);
CREATE INDEX doc_state_slug_8c96b82e_like ON public.doc_state USING btree (slug varchar_pattern_ops);
CREATE INDEX doc_state_type_id_84ff51fd ON public.doc_state USING btree (type_id);
CREATE INDEX doc_state_type_id_84ff51fd_like ON public.doc_state USING btree (type_id varchar_pattern_ops);
CREATE INDEX group_group_acronym_853f9a74_like ON public.group_group USING btree (acronym varchar_pattern_ops);
CREATE INDEX group_group_parent_id_5cb01c50 ON public.group_group USING btree (parent_id);
CREATE INDEX group_group_state_id_dc3ec843 ON public.group_group USING btree (state_id);
CREATE INDEX group_group_state_id_dc3ec843_like ON public.group_group USING btree (state_id varchar_pattern_ops);
CREATE INDEX group_group_type_id_efc6ccf0 ON public.group_group USING btree (type_id);
CREATE INDEX group_group_type_id_efc6ccf0_like ON public.group_group USING btree (type_id varchar_pattern_ops);
CREATE INDEX person_person_name_c7a6309b ON public.person_person USING btree (name);
CREATE INDEX person_person_name_c7a6309b_like ON public.person_person USING btree (name varchar_pattern_ops);
CREATE INDEX person_email_address_a3092669_like ON public.person_email USING btree (address varchar_pattern_ops);
CREATE INDEX person_email_person_id_e04539b6 ON public.person_email USING btree (person_id);
CREATE INDEX auth_user_username_6821ab7c_like ON public.auth_user USING btree (username varchar_pattern_ops);

-- Foreign keys between these tables

ALTER TABLE ONLY public.meeting_meeting
    ADD CONSTRAINT meeting_meeting_schedule_id_23b76373_fk_meeting_schedule_id FOREIGN KEY (schedule_id) REFERENCES public.meeting_schedule(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_session
    ADD CONSTRAINT meeting_session_group_id_46fa7e0d_fk_group_group_id FOREIGN KEY (group_id) REFERENCES public.group_group(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_session
    ADD CONSTRAINT meeting_session_meeting_id_aba9db6e_fk_meeting_meeting_id FOREIGN KEY (meeting_id) REFERENCES public.meeting_meeting(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_session
    ADD CONSTRAINT meeting_session_tombstone_for_id_f2ec3570_fk_meeting_session_id FOREIGN KEY (tombstone_for_id) REFERENCES public.meeting_session(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_timeslot
    ADD CONSTRAINT meeting_timeslot_meeting_id_b57ff93d_fk_meeting_meeting_id FOREIGN KEY (meeting_id) REFERENCES public.meeting_meeting(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedule
    ADD CONSTRAINT meeting_schedule_base_id_206bce41_fk_meeting_schedule_id FOREIGN KEY (base_id) REFERENCES public.meeting_schedule(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedule
    ADD CONSTRAINT meeting_schedule_meeting_id_43f060db_fk_meeting_meeting_id FOREIGN KEY (meeting_id) REFERENCES public.meeting_meeting(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedule
    ADD CONSTRAINT meeting_schedule_origin_id_0c287cc7_fk_meeting_schedule_id FOREIGN KEY (origin_id) REFERENCES public.meeting_schedule(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedule
    ADD CONSTRAINT meeting_schedule_owner_id_dbec8502_fk_person_person_id FOREIGN KEY (owner_id) REFERENCES public.person_person(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedtimesessassignment
    ADD CONSTRAINT meeting_schedtimeses_extendedfrom_id_722208d9_fk_meeting_s FOREIGN KEY (extendedfrom_id) REFERENCES public.meeting_schedtimesessassignment(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedtimesessassignment
    ADD CONSTRAINT meeting_schedtimeses_schedule_id_aebdbaec_fk_meeting_s FOREIGN KEY (schedule_id) REFERENCES public.meeting_schedule(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedtimesessassignment
    ADD CONSTRAINT meeting_schedtimeses_session_id_105f8a25_fk_meeting_s FOREIGN KEY (session_id) REFERENCES public.meeting_session(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedtimesessassignment
    ADD CONSTRAINT meeting_schedtimeses_timeslot_id_f1f8062e_fk_meeting_t FOREIGN KEY (timeslot_id) REFERENCES public.meeting_timeslot(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_session_materials
    ADD CONSTRAINT meeting_session_mate_document_id_37c5a218_fk_doc_docum FOREIGN KEY (document_id) REFERENCES public.doc_document(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_session_materials
    ADD CONSTRAINT meeting_session_mate_session_id_d9aef84d_fk_meeting_s FOREIGN KEY (session_id) REFERENCES public.meeting_session(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedulingevent
    ADD CONSTRAINT meeting_schedulingev_session_id_6871cf75_fk_meeting_s FOREIGN KEY (session_id) REFERENCES public.meeting_session(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.meeting_schedulingevent
    ADD CONSTRAINT meeting_schedulingevent_by_id_02cc76e8_fk_person_person_id FOREIGN KEY (by_id) REFERENCES public.person_person(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.doc_document
    ADD CONSTRAINT doc_document_ad_id_f3fbcefb_fk_person_person_id FOREIGN KEY (ad_id) REFERENCES public.person_person(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.doc_document
    ADD CONSTRAINT doc_document_group_id_792492f1_fk_group_group_id FOREIGN KEY (group_id) REFERENCES public.group_group(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.doc_document
    ADD CONSTRAINT doc_document_shepherd_id_fd656766_fk_person_email_address FOREIGN KEY (shepherd_id) REFERENCES public.person_email(address) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.doc_document_states
    ADD CONSTRAINT doc_document_states_document_id_a54ce12d_fk_doc_document_id FOREIGN KEY (document_id) REFERENCES public.doc_document(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.doc_document_states
    ADD CONSTRAINT doc_document_states_state_id_0d51122d_fk_doc_state_id FOREIGN KEY (state_id) REFERENCES public.doc_state(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.group_group
    ADD CONSTRAINT group_group_charter_id_dc43eda5_fk_doc_document_id FOREIGN KEY (charter_id) REFERENCES public.doc_document(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.group_group
    ADD CONSTRAINT group_group_parent_id_5cb01c50_fk_group_group_id FOREIGN KEY (parent_id) REFERENCES public.group_group(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.person_person
    ADD CONSTRAINT person_person_user_id_da0d911e_fk_auth_user_id FOREIGN KEY (user_id) REFERENCES public.auth_user(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.person_email
    ADD CONSTRAINT person_email_person_id_e04539b6_fk_person_person_id FOREIGN KEY (person_id) REFERENCES public.person_person(id) DEFERRABLE INITIALLY DEFERRED;
